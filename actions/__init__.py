"""Everything that changes something: plan → check → preview → apply → follow → record. Nothing can yet."""
