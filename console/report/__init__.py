"""A Snapshot for other programs (JSON) and for a pipe (a plain table)."""
