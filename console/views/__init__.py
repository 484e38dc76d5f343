"""From a Snapshot to what a screen shows: pure functions, no widgets, no I/O."""
