"""A vLLM that is none: it behaves, and misbehaves as a test wants."""
