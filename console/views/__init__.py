"""Views: from a Snapshot to what a screen shows. Pure functions, no widgets, no I/O."""
