"""The audit log: who changed what, when and why, in tamper-evident files.

``log`` writes and is part of acting; everything else only reads and may be used in read-only mode. docs/audit.md has
the format and says what the log proves and what it does not.
"""
