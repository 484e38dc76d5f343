"""Tests on one shared vLLM server, which takes half a minute to start."""
