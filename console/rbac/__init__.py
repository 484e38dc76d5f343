"""Least-privilege roles for the people who use the console."""
