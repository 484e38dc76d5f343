"""Subjects: the objects that the signs of a cause examine, each with the facts related to it."""
