"""Checks for or against an action, one file per question; ``every`` has those that apply to all plans."""
