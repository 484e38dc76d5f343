"""A scripted API server for the command line to talk to, and an Alertmanager that is asked often."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from fleet.sources.alerts.alertmanager import AlertmanagerSource
from tests.fleet.sources.kube.conftest import api, cluster

__all__ = ["api", "cluster"]


@pytest.fixture(autouse=True, scope="session")
def alerts_are_asked_for_often() -> Iterator[None]:
    """Make a silence be seen within half a second: a person waits for the next look, ten seconds at most."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("console.wiring.alerts.AlertmanagerSource", partial(AlertmanagerSource, every=0.5))
        yield
