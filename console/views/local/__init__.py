"""The servers on this machine as tables and pages: pure functions."""
