"""The servers of this machine as tables and pages: pure functions."""
