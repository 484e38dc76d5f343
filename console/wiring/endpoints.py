"""HTTP endpoints, with their credentials, from the settings."""

from __future__ import annotations

import os
from collections.abc import Mapping

from console.config.fields import EndpointSettings, FromEnvironment
from fleet.sources.prometheus.products import PROMETHEUS, StoreProduct
from fleet.sources.prometheus.transport import PrometheusEndpoint


def endpoint(
    settings: EndpointSettings, product: StoreProduct = PROMETHEUS, environ: Mapping[str, str] = os.environ
) -> PrometheusEndpoint:
    """Return the configured endpoint; secrets from the environment are read here, those in files at each request."""
    return PrometheusEndpoint(
        url=settings.url,
        token=environ.get(settings.bearer_token_env, "") if settings.bearer_token_env else "",
        token_file=settings.bearer_token_file,
        username=settings.username,
        password=environ.get(settings.password_env, "") if settings.password_env else "",
        password_file=settings.password_file,
        ca_file=settings.ca_file,
        cert_file=settings.cert_file,
        key_file=settings.key_file,
        headers={
            name: environ.get(value.env, "") if isinstance(value, FromEnvironment) else value
            for name, value in settings.headers.items()
        },
        verify=not settings.insecure_skip_verify,
        timeout=settings.timeout,
        product=product,
    )
