"""Findings on what is reachable, permitted and measured, and the command that would put the rest right."""
