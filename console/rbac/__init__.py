"""Least-privilege roles for the users of the console."""
