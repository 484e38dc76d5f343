"""Checks before a server starts: one file per subject, combined in launch.py."""
