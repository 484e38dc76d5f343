"""The direct scrape: every engine's /metrics, if there is no Prometheus."""
