"""Latency explained: where the time of requests goes, and what the slow replicas have in common."""
