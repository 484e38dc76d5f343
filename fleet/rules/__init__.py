"""Prometheus rules generated from objectives, and from the causes that Prometheus alone can detect."""
