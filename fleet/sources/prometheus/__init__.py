"""Prometheus, Thanos, Mimir and VictoriaMetrics: found, trusted, asked."""
