"""Signs that read numbers, and their limits."""
