"""A scripted API server for the command line to talk to."""

from __future__ import annotations

from tests.fleet.sources.kube.conftest import api, cluster

__all__ = ["api", "cluster"]
