"""Prometheus, Thanos, Mimir and VictoriaMetrics: discovery, trust and queries."""
