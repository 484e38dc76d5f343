"""What is tried with one and the same vLLM server: it takes half a minute to start."""
