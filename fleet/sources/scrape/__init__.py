"""The direct scrape: every engine's /metrics, where there is no Prometheus."""
