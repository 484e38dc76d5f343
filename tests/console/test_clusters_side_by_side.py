"""Two clusters observed at once, in one process and on one loop: each has its own objects, metrics and Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from console.config.load import Flag, load
from console.config.sections import settings_in
from console.config.settings import ClusterSettings, ContextPrometheusSettings, PrometheusSettings, Settings
from console.wiring.session import SettingsWiring
from fleet.model.snapshot import Snapshot
from fleet.snapshot.history import HistoryView
from tests.console.session.test_two_clusters import EAST, WEST, two
from tests.waiting import PATIENCE


class Store:
    """A server in the place of a configured Prometheus, which records its clients."""

    def __init__(self) -> None:
        self.asked: set[str] = set()
        noted = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                noted.add(self.headers.get("Authorization", ""))
                self.send_error(503)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - the library's
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def stores(*names: str) -> Iterator[Mapping[str, Store]]:
    found = {name: Store() for name in names}
    threads = [Thread(target=store.server.serve_forever, args=(0.05,), daemon=True) for store in found.values()]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        for store in found.values():
            store.server.shutdown()
            store.server.server_close()
        for thread in threads:
            thread.join()


async def test_two_clusters_are_observed_side_by_side(tmp_path: Path) -> None:
    with two(tmp_path, 2) as kubeconfig, stores(EAST, WEST) as asked:
        environ = {f"TOKEN_OF_{name}": f"of-{name}" for name in asked} | {"XDG_STATE_HOME": str(tmp_path / "state")}
        own = {
            name: ContextPrometheusSettings(url=store.url, bearer_token_env=f"TOKEN_OF_{name}")
            for name, store in asked.items()
        }
        settings = Settings(
            cluster=ClusterSettings(kubeconfig=str(kubeconfig)), prometheus=PrometheusSettings(contexts=own)
        )
        wiring = SettingsWiring(settings, settings, environ)
        sites = [wiring.connect(context, "") for context in (EAST, WEST)]
        newest: dict[str, Snapshot] = {}
        arrived = asyncio.Event()

        def take(snapshot: Snapshot) -> None:
            newest[snapshot.cluster.context] = snapshot
            arrived.set()

        observing = [asyncio.create_task(site.observer.run(take)) for site in sites]
        try:
            async with asyncio.timeout(PATIENCE):
                while len(newest) < len(sites) or not all(seen.pods and seen.measured_at for seen in newest.values()):
                    arrived.clear()
                    await arrived.wait()
        finally:
            for task in observing:
                task.cancel()
            await asyncio.gather(*observing, return_exceptions=True)
            await wiring.close()
    east, west = newest[EAST], newest[WEST]
    assert {site.cluster for site in sites} == {east.cluster.id, west.cluster.id}
    assert east.pods.keys() == west.pods.keys(), "the names are the same"
    assert all(east.pods[key] is not west.pods[key] for key in east.pods)
    assert isinstance(east.history, HistoryView)
    assert isinstance(west.history, HistoryView)
    assert east.history.history is not west.history.history
    for context, seen in newest.items():
        status = seen.source("prometheus")
        assert status is not None
        assert asked[context].url in (status.endpoint or status.problem)
        assert asked[context].asked == {f"Bearer of-{context}"}, "nobody else's token, and nobody else"


def test_a_context_may_find_its_own_where_all_others_are_told_of_one(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        '[prometheus]\nurl = "https://prod"\n[prometheus.contexts.west]\n[alertmanager.contexts.west]\nurl = "https://a"\n'
    )
    there = settings_in(load({}, file=file, policy=tmp_path / "none").settings, WEST)
    assert (there.prometheus.url, there.alertmanager.url, there.rules.url) == ("", "https://a", "")


def test_nothing_of_another_prometheus_goes_to_that_of_a_context() -> None:
    own = ContextPrometheusSettings(url="https://staging", cluster="staging")
    everywhere = PrometheusSettings(url="https://prod", bearer_token_env="TOKEN", cluster="prod", contexts={WEST: own})
    settings = Settings(prometheus=everywhere)
    assert settings_in(settings, EAST) is settings
    there = settings_in(settings, WEST).prometheus
    assert (there.url, there.cluster, there.bearer_token_env) == ("https://staging", "staging", "")
    assert there.window == everywhere.window


@pytest.mark.parametrize(
    ("environ", "flags"),
    [({"QUARTERDECK_PROMETHEUS_URL": "https://now"}, ()), ({}, (("prometheus", "url"),))],
    ids=["environment", "flag"],
)
def test_a_url_that_is_given_for_this_start_is_for_every_context(
    environ: dict[str, str], flags: tuple[tuple[str, ...], ...], tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        '[prometheus]\nurl = "https://prod"\n[prometheus.contexts."arn:aws:eks/west"]\nurl = "https://west"\n'
    )
    context = "arn:aws:eks/west"
    loaded = load({}, file=file, policy=tmp_path / "none").settings
    assert settings_in(loaded, context).prometheus.url == "https://west"
    assert settings_in(loaded, EAST).prometheus.url == "https://prod"
    given = [Flag(key, "https://now", "--prometheus") for key in flags]
    started = load(environ, file=file, flags=given, policy=tmp_path / "none").settings
    assert {settings_in(started, each).prometheus.url for each in (context, EAST)} == {"https://now"}


@pytest.mark.parametrize(
    ("contexts", "asked_in"),
    [("", {EAST}), ('contexts = ["we*"]', {WEST}), ('contexts = ["*"]', {EAST, WEST})],
)
def test_one_more_prometheus_is_asked_where_it_says_else_where_the_context_has_none_of_its_own(
    contexts: str, asked_in: set[str], tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        f'[prometheus.contexts.west]\nurl = "https://w"\n[prometheus.also.gpus]\nurl = "https://g"\n{contexts}\n'
    )
    settings = load({}, file=file, policy=tmp_path / "none").settings
    assert {name for name in (EAST, WEST) if settings_in(settings, name).prometheus.also} == asked_in
