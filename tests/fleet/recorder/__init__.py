"""Tests of recordings of the sources on disk."""
