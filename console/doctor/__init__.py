"""Checks of what is reachable, permitted and measured, with the command that would fix each problem."""
