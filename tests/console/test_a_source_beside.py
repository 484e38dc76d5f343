"""A new source with its own table of the configuration: one module and one line, visible everywhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import httpx
import pytest

from console import main
from console.app.app import QuarterdeckApp
from console.config import docs
from console.config import sources as registry
from console.config.fields import STRICT, EndpointSettings, setting
from console.config.load import load
from console.config.options import Options
from console.config.problem import ConfigError
from console.config.settings import ClusterSettings, Settings
from console.config.sources import SourceEntry
from console.wiring import sources
from console.wiring.facts import InView, MakesSources
from console.wiring.session import session_of
from fleet.dataclass import dataclass
from fleet.model.facts import Dated
from fleet.model.problem import SourceProblem
from fleet.model.snapshot import Health, SourceStatus
from fleet.net.http import client
from fleet.sources.polling import PollingSource
from fleet.sources.side_sources import SideSources
from tests.console.stage import Stage
from tests.simulator.api_process import Process, simulator
from tests.waiting import PATIENCE
from themes.look import Look, use
from widgets.header import Header

NAME = "pager"


@dataclass(frozen=True, slots=True)
class PagerSettings(EndpointSettings):
    """The pager of the team."""

    __pydantic_config__: ClassVar[Any] = STRICT
    team: str = setting("", "The team whose alerts are shown. Empty: all.")
    every: float = setting(0.05, "Seconds between two questions.", minimum=0.01, maximum=60)
    also: Mapping[str, EndpointSettings] = setting({}, "Additional ones, each in its own table: see below.")


def pager(in_view: InView) -> Iterator[Pager]:
    """Make one where it is configured."""
    settings = in_view.settings.of(PagerSettings)
    if settings.url:
        MADE.append(Pager(settings.url, settings.every))
        yield MADE[-1]


ENTRY = SourceEntry("pager", f"{__name__}:pager", f"{__name__}:PagerSettings")
"""The one line."""


class Alerts(NamedTuple):
    """The alerts that fire."""

    names: tuple[str, ...]


class Pager(PollingSource[Alerts]):
    """Asks a service for its alerts."""

    def __init__(self, url: str, every: float = 0.05) -> None:
        super().__init__(NAME, every=every, longest=3600.0, endpoint=url)
        self._http = client(5.0)
        self._url = url
        self.closed = False

    async def ask(self) -> Alerts:
        try:
            answer = await self._http.get(self._url)
        except httpx.HTTPError as error:
            raise SourceProblem(f"nobody answers at {self._url}", "start the pager") from error
        if answer.status_code != httpx.codes.OK:
            raise SourceProblem(f"{self._url} answers HTTP {answer.status_code}", "restart the pager")
        return Alerts(tuple(answer.json()))

    async def disconnect(self) -> None:
        self.closed = True
        await self._http.aclose()


class Service:
    """A pager on loopback: its firing alerts, and whether it works."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/alerts"
        self.alerts = ["KvCacheFull"]
        self.works = True


@pytest.fixture
def service() -> Iterator[Service]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if found.works else 500)
            body = json.dumps(found.alerts).encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Not on the terminal of the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Service(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def fleet() -> Iterator[Process]:
    with simulator("--pods", "4", "--seed", "7") as running:
        yield running


MADE: list[Pager] = []
"""Pagers that were made."""


@contextmanager
def wired(monkeypatch: pytest.MonkeyPatch, url: str) -> Iterator[list[Pager]]:
    """Register the line and set the environment variable with the pager's address. Yields the sources that were
    made.
    """
    MADE.clear()
    monkeypatch.setattr(registry, "SOURCES", (*registry.SOURCES, ENTRY))
    monkeypatch.setenv("QUARTERDECK_PAGER_URL", url)
    yield MADE
    assert MADE
    assert all(one.closed for one in MADE), "each is closed with what observed it"


def settings_for(kubeconfig: Path, url: str) -> Settings:
    table: Any = {"pager": PagerSettings(url=url)}
    return registry.with_tables()(cluster=ClusterSettings(kubeconfig=str(kubeconfig)), **table)


def test_it_is_in_the_snapshot_of_the_command_line(
    fleet: Process, service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with wired(monkeypatch, service.url):
        assert main.main(["snapshot", "--json", "--kubeconfig", str(fleet.kubeconfig)]) == 0
    found = {source["name"]: source for source in json.loads(capsys.readouterr().out)["sources"]}
    assert set(found) >= {"kubernetes", "scrape", NAME}
    assert (found[NAME]["health"], found[NAME]["endpoint"]) == ("live", service.url)
    assert found[NAME]["last_ok"] > 0


def test_the_doctor_says_how_it_is_and_what_to_do(
    fleet: Process, service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    service.works = False
    with wired(monkeypatch, service.url):
        assert main.main(["doctor", "--json", "--kubeconfig", str(fleet.kubeconfig)]) == 1
    found = {check["subject"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert found[NAME]["verdict"] == "fail"
    assert "HTTP 500" in found[NAME]["finding"]
    assert found[NAME]["fix"] == "restart the pager"
    assert found["API server"]["verdict"] == "ok"


async def test_the_console_shows_it_and_its_failure_is_a_line_and_no_more(
    fleet: Process, service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(Look())
    with wired(monkeypatch, service.url) as made:
        session = session_of(settings_for(fleet.kubeconfig, service.url))
        app = QuarterdeckApp(session, Options())
        async with app.run_test(size=(160, 40)) as pilot:
            stage = Stage(app, pilot, session)

            def health() -> Health | None:
                status = stage.snapshot.source(NAME) if app.desk is not None and app.desk.snapshot else None
                return status.health if status is not None else None

            await stage.until(lambda: health() is Health.LIVE and bool(stage.snapshot.pods))
            assert stage.snapshot.facts.of(Alerts)[NAME].value.names == ("KvCacheFull",)
            await stage.line("sources")
            await stage.until(lambda: f"{NAME}  live" in stage.shown)
            assert service.url in stage.shown
            front = stage.desk.navigator.front
            assert front is not None
            assert NAME in str(front.query_one(Header).shown_text)

            service.works = False
            await stage.until(lambda: f"{NAME}  down" in stage.shown)
            await stage.until(lambda: "restart the pager" in stage.shown)
            assert stage.snapshot.facts.of(Alerts)[NAME].value.names == ("KvCacheFull",), "what was known grows old"
            assert stage.snapshot.everything.pods
            cluster = stage.snapshot.of_objects
            assert cluster is not None
            assert cluster.health is Health.LIVE

            service.works, service.alerts = True, ["Drained"]
            made[-1].refresh()
            await stage.until(lambda: health() is Health.LIVE)
            assert stage.snapshot.facts.of(Alerts)[NAME].value.names == ("Drained",)


class Broken:
    """A source with a defect in everything that it does but its name."""

    name = "broken"

    async def start(self) -> None:
        raise ZeroDivisionError("start")

    async def wait_synced(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109
        raise ZeroDivisionError(f"wait {timeout}")

    def statuses(self) -> tuple[SourceStatus, ...]:
        raise ZeroDivisionError("statuses")

    def facts(self) -> Dated[Alerts] | None:
        raise ZeroDivisionError("facts")

    def refresh(self) -> None:
        raise ZeroDivisionError("refresh")

    async def close(self) -> None:
        raise ZeroDivisionError("close")


def one_broken(_: InView) -> list[Broken]:
    return [Broken()]


def two_of_one_name(_: InView) -> list[Broken]:
    return [Broken(), Broken()]


def entry(make: MakesSources) -> SourceEntry:
    return SourceEntry("", f"{__name__}:{make.__name__}")


async def test_a_defect_of_one_is_its_own_line_and_closes_the_others_all_the_same(
    fleet: Process, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with wired(monkeypatch, service.url):
        monkeypatch.setattr(registry, "SOURCES", (entry(one_broken), *registry.SOURCES))
        settings = settings_for(fleet.kubeconfig, service.url)
        source = sources.source_of(settings, "", "")
        observing = sources.observer(settings, source, 0.0)
        snapshot = await observing.once(30.0)
        observing.wake()
    broken = snapshot.source("broken")
    assert broken is not None
    assert broken.health is Health.DOWN
    assert "please report it: unexpected ZeroDivisionError" in broken.problem
    assert snapshot.facts.of(Alerts)[NAME].value.names == ("KvCacheFull",)
    assert snapshot.pods


def test_its_table_is_read_checked_and_shown_like_any_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "SOURCES", (*registry.SOURCES, ENTRY))
    file = tmp_path / "config.toml"

    def load_it(text: str, **environ: str) -> PagerSettings:
        file.write_text(text)
        return load(environ, file=file, policy=tmp_path / "none").settings.of(PagerSettings)

    table = '[pager]\nurl = "http://pager"\nbearer_token_file = "token"\n[pager.also.night]\nurl = "http://night"\n'
    found = load_it(table, QUARTERDECK_PAGER_TEAM="on-call")
    assert (found.url, found.team, found.also["night"].url) == ("http://pager", "on-call", "http://night")
    assert found.bearer_token_file == str(tmp_path / "token"), "relative to the file"
    assert load_it("") == PagerSettings()

    assert main.main(["config", "show", "--config", str(file)]) == 0
    assert "[pager]" not in capsys.readouterr().out, "nothing is said in it"
    load_it(f'{table}headers = {{ X-Key = "s3cret" }}\n')
    assert main.main(["config", "show", "--config", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "[pager.also.night]" in shown
    assert "s3cret" not in shown

    for text, message in (
        ('[pager]\nurll = "x"', 'F:2: unknown key [pager] urll; did you mean "url"?'),
        ('[pagr]\nurl = "x"', 'F:1: unknown key pagr; did you mean "pager"?'),
        ("[pager]\nevery = 600", "F:2: [pager] every: 600 is out of range"),
        ('[pager.also.x]\nurl = ""', "F:1: [pager] also.x: it has no URL to query"),
        ("[pager.also.x]\nurl = 'http://x'\nheaders = { a = 3 }", "[pager] also.x.headers.a must be a string or"),
    ):
        with pytest.raises(ConfigError) as refused:
            load_it(text)
        assert message in str(refused.value).replace(str(file), "F")


def test_its_table_is_in_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "SOURCES", (*registry.SOURCES, ENTRY))
    page = "\n".join(docs.lines())
    assert "## `[pager]`\n\nThe pager of the team.\n" in page
    assert (
        '| `team` | string | `""` | `QUARTERDECK_PAGER_TEAM` | The team whose alerts are shown. Empty: all. |' in page
    )
    assert "## `[pager.also.NAME]`" in page


def test_nothing_of_it_is_imported_where_nothing_is_said_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nowhere = SourceEntry("nowhere", "no.such.module:make", "no.such.module:Table")
    monkeypatch.setattr(registry, "SOURCES", (*registry.SOURCES, nowhere))
    file = tmp_path / "config.toml"
    file.write_text('[prometheus]\nurl = "http://p"\n')
    assert load({"QUARTERDECK_UI_REFRESH": "3"}, file=file, policy=tmp_path / "none").settings.ui.refresh == 3.0


async def test_failures_in_a_row_are_asked_less_and_less_often(service: Service) -> None:
    service.works = False
    pager = Pager(service.url)
    waits = [await pager._ask_or_say() for _ in range(12)]
    assert waits[0] < 0.1
    assert waits[-1] > 50 * waits[0]
    service.works = True
    assert await pager._ask_or_say() == 0.05
    service.works = False
    assert await pager._ask_or_say() < 0.1, "a success begins anew"
    await pager.close()


async def test_two_sources_of_one_name_are_refused() -> None:
    async def make() -> list[Broken]:
        return [Broken(), Broken()]

    with pytest.raises(ValueError, match="two sources have one name: broken"):
        await SideSources(make).start()


async def test_what_cannot_be_made_is_a_line_and_the_fleet_is_there_all_the_same(
    fleet: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "SOURCES", (entry(two_of_one_name),))
    settings = Settings(cluster=ClusterSettings(kubeconfig=str(fleet.kubeconfig)))
    source = sources.source_of(settings, "", "")
    snapshot = await sources.observer(settings, source, 0.0).once(PATIENCE)
    status = snapshot.source("console")
    assert status is not None
    assert "unexpected ValueError" in status.problem
    assert snapshot.pods
