"""Targets of a scrape: those of pods that are as they were, are not made again."""

from __future__ import annotations

from pathlib import Path

from fleet.model.objects import ModelVersion
from fleet.net.bodies import Limit
from fleet.sources.kube.responses import Response
from fleet.sources.scrape.collector import ScrapeCollector, ScrapeCollectorSettings
from fleet.sources.scrape.pod_access import PodAccess
from fleet.sources.scrape.targets import Via, endpoints
from tests.fleet.rows import NOW, pod


class NoClient:
    """An API server that nobody asks."""

    async def get(
        self,
        path: str,
        *,
        accept: str,
        timeout: float,  # noqa: ASYNC109 - as the client has it
        limit: Limit | None = None,
    ) -> Response:
        raise AssertionError(path, accept, timeout, limit)


def test_a_target_is_made_again_for_another_pod_way_or_token_alone(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("one")
    access = PodAccess(token_file=str(token), namespaces=frozenset({"serving"}), cleartext=True)
    collector = ScrapeCollector(NoClient(), ScrapeCollectorSettings(via=Via.POD_IP, access=access), NOW)
    model = ModelVersion(model="meta/llama", served_name="llama")
    found = endpoints((pod("a", ip="10.0.0.1", version=model), pod("b", ip="10.0.0.2", version=model)), (8000,), "/m")

    collector._credentials.read()
    first = collector._targets(found, Via.POD_IP)
    collector._credentials.read()
    assert [a is b for a, b in zip(first, collector._targets(found, Via.POD_IP), strict=True)] == [True, True]

    moved = [*endpoints((pod("a", ip="10.0.0.9", version=model),), (8000,), "/m"), found[1]]
    second = collector._targets(moved, Via.POD_IP)
    assert [a is b for a, b in zip(first, second, strict=True)] == [False, True]
    assert second[0].url == "http://10.0.0.9:8000/m"

    token.write_text("two")
    collector._credentials.read()
    assert [one.headers["Authorization"] for one in collector._targets(moved, Via.POD_IP)] == ["Bearer two"] * 2
    assert all(one.fetch is not None for one in collector._targets(moved, Via.PROXY))
