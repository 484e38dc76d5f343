"""Configuration of a Prometheus, and its targets over HTTP service discovery.

Not every build of Prometheus has kubernetes_sd_configs. The labels are those that relabelling commonly makes of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simulator.objects import DCGM_PORT, ENGINE_PORT
from simulator.store import Store

PATH = "/_simulator/targets"
SCRAPE_INTERVAL = 5
"""Seconds; short, so that a demonstration does not have to wait for its first rates."""


def configuration(server: str, ca_file: Path, token_file: Path) -> dict[str, Any]:
    """Return a configuration that scrapes the engines and the DCGM exporters."""
    discovery = {
        "refresh_interval": f"{SCRAPE_INTERVAL}s",
        "authorization": {"type": "Bearer", "credentials_file": str(token_file)},
        "tls_config": {"ca_file": str(ca_file)},
    }
    return {
        "global": {"scrape_interval": f"{SCRAPE_INTERVAL}s", "scrape_timeout": f"{SCRAPE_INTERVAL - 1}s"},
        "scrape_configs": [
            {"job_name": job, "http_sd_configs": [{"url": f"{server}{PATH}?port={port}"} | discovery]}
            for job, port in (("vllm", ENGINE_PORT), ("dcgm", DCGM_PORT))
        ],
    }


def targets(store: Store, asked: str) -> list[dict[str, Any]]:
    """Return a target group for each pod that has an address and declares the requested port."""
    return [
        {
            "targets": [f"{pod['status']['podIP']}:{asked}"],
            "labels": {
                "namespace": pod["metadata"]["namespace"],
                "pod": pod["metadata"]["name"],
                "container": container["name"],
                "node": pod["spec"].get("nodeName", ""),
            },
        }
        for pod in store.list("v1", "Pod")
        if pod.get("status", {}).get("podIP")
        for container in pod["spec"]["containers"]
        for port in container.get("ports", ())
        if str(port["containerPort"]) == asked
    ]
