"""Checks before a server starts: one file per thing, put together in launch.py."""
