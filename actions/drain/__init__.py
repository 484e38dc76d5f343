"""Taking pods out of service without cutting what they are doing: which way, how long, and what may refuse it."""
