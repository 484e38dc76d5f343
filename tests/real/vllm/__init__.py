"""Tests on two real vLLM servers, which take half a minute to start."""
