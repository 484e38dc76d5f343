"""The audit log: who changed what, when and why, in files that show when somebody has changed them.

``log`` writes and is part of acting; everything else only reads and may be used in read-only mode. docs/audit.md has
the format and says what the log proves and what it does not.
"""
