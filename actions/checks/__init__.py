"""Checks of what speaks for or against an action, one file per question; ``every`` has those of all plans."""
