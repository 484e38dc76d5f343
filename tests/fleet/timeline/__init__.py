"""Tests of the sources of the timeline."""
