"""Checks of a model's files and of its memory needs. Reads files and computes; starts nothing."""
