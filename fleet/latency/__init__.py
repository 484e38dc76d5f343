"""Latency explained: where the time of its requests goes, and what the slow replicas have in common."""
