"""A scripted API server, and waiting for what should come true."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fleet.sources.kube.pace import Pace
from fleet.sources.kube.resources import all_resources
from tests.fleet.sources.kube.api import Api
from tests.fleet.sources.kube.users import with_plugin
from tests.waiting import PATIENCE

QUICK = Pace(first=0.01, longest=0.05, denied=0.1, quiet=0.2, probe=0.1, answer=PATIENCE)
"""The same waits as in production, in milliseconds; for an answer there is time, however busy the machine is."""


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client honours HTTPS_PROXY and its like; what is set where the tests run is not theirs."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """An API server with no objects."""
    async with Api() as server:
        yield server


@pytest.fixture
async def cluster(api: Api) -> Api:
    """A server that has every resource but the custom ones."""
    for resource in all_resources():
        if not resource.optional:
            api.objects.setdefault(resource.path(), {})
    return api


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Makes the settings of a user with an exec plugin of the given Python body (``with_plugin``)."""
    return partial(with_plugin, tmp_path)
