"""The causes, grouped into modules of causes that are easily confused."""
