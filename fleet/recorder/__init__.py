"""Recordings: the data of the sources, stored on disk at every tick, and replayed as if it were current."""
