"""Taking pods out of service without cutting their requests: by which method, how long, and what may refuse it."""
