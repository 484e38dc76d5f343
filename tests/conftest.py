"""The base of all tests: a clean environment, and the rule for tests that need something external."""

from __future__ import annotations

import gc
import itertools
import os
import shutil
import signal
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from textual.css.stylesheet import Stylesheet
from xdist.remote import Producer

from fleet import guard
from tests.idle import FRAME, idle, screen_idle
from tests.order import Scheduling, rank
from tests.real import parts_install
from tests.real.vllm_server import installation
from tests.waiting import PATIENCE
from themes.look import Look, use

RECORDINGS = Path(__file__).parents[2] / "shared" / "recordings"
REQUIRE = bool(os.environ.get("REQUIRE_REAL_PARTS"))
"""Set where every real part is supposed to be: there a skip is a failure."""

# The machine's speed in generating examples is not a fault of the program.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

COLLECTIONS = (20_000, 20, 10)
"""Thresholds of the garbage collector: an app that was closed is found in the youngest generation."""

BEGUN = pytest.StashKey[float]()
"""Start of the first test (monotonic seconds)."""

EXECUTABLES = {"alertmanager": "prometheus-alertmanager"}
"""Parts whose command has another name than the part."""

ENVIRONMENTS = {part: parts_install.installation(part) for part in parts_install.PARTS}
"""Parts that are Python packages. Looked for before the tests' clean environment hides the variable that names them."""
VLLM = installation()

TOOLS = Path(sys.executable).parent
"""Folder of the development environment's tools; kubectl is there in the version that the tests need."""

UNWANTED = {
    "KUBECONFIG",
    "KUBERNETES_SERVICE_HOST",
    "NO_COLOR",
    "COLORTERM",
    "COLUMNS",
    "LINES",
    "ALL_PROXY",
    "all_proxy",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of `make quick`."""
    parser.addoption("--seconds", type=float, help="begin no test after so many; the rest is skipped")


def pytest_configure() -> None:
    """The tools of this environment go before those of the machine, for every process that a test starts.

    Those in Go (Prometheus, kubectl) have memory enough to collect their garbage rarely.
    """
    os.environ.setdefault("GOGC", "400")
    if (TOOLS / "kubectl").exists():
        os.environ["PATH"] = os.pathsep.join((str(TOOLS), os.environ.get("PATH", os.defpath)))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep collected items out of garbage collection, since they live until the end, and collect more rarely.

    With Python's own thresholds a tenth of a worker's time goes into it.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(*COLLECTIONS)
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the tests: the longest first; in `make quick`, the nearest to the changes first."""
    if config.option.seconds is None:
        items.sort(key=lambda item: rank(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """Keep the files that share a server together when files are distributed."""
    return Scheduling(config, log) if config.option.dist == "loadfile" else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests whose real part or recording is not here, and those for which `make quick` has no time left."""
    seconds = item.config.option.seconds
    begun = item.config.stash.setdefault(BEGUN, time.monotonic())
    if seconds is not None and time.monotonic() - begun >= seconds:
        pytest.skip("left to make test: the time of make quick is over")
    for marker in item.iter_markers("real"):
        if marker.args[0] == "vllm":
            if VLLM is None:
                pytest.skip("needs vllm: python -m tests.real.vllm_install .venv-vllm, or name one in VLLM_FOR_TESTS")
            continue
        if marker.args[0] in ENVIRONMENTS:
            if ENVIRONMENTS[marker.args[0]] is None:
                where = "python -m tests.real.parts_install .venv-parts, or name a folder in PARTS_FOR_TESTS"
                pytest.skip(f"needs {marker.args[0]}: {where}")
            continue
        command = EXECUTABLES.get(marker.args[0], marker.args[0])
        if shutil.which(command) is None:
            pytest.skip(f"needs {marker.args[0]}: no {command} on PATH")
    if item.get_closest_marker("contract") and not RECORDINGS.is_dir():
        pytest.skip("needs the recordings of real servers beside the checkout (../shared/recordings)")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped real or contract test into a failure if everything should be available."""
    report = yield
    external = item.get_closest_marker("real") or item.get_closest_marker("contract")
    if REQUIRE and external and report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"must not be skipped here (REQUIRE_REAL_PARTS): {reason}"
    return report


@pytest.fixture(autouse=True, scope="session")
def interruptible() -> Iterator[None]:
    """Restore the default handling of signals, so that children of the tests do not inherit ignored ones.

    A shell has its background jobs ignore SIGINT and SIGQUIT, and nohup has them ignore SIGHUP; processes inherit it.
    """
    ends = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM)
    kept = {number: signal.getsignal(number) for number in ends}
    for number, handler in kept.items():
        if handler is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Numbered folders that are not there yet. The factory looks through all that it has made for every new one."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def clean_environment(homes: Iterator[Path]) -> Iterator[None]:
    """No kubeconfig, settings, proxy or terminal of the person who runs the tests; a home of their own."""
    home = next(homes)
    home.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            ours = name.startswith("QUARTERDECK_")
            if ours or name in UNWANTED or name.lower() in {"http_proxy", "https_proxy"}:
                patch.delenv(name)
        patch.setenv("HOME", str(home))
        for name in ("CONFIG", "STATE", "CACHE", "DATA"):
            patch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, "127.0.0.0/8,localhost,::1")
        patch.setenv("LC_ALL", "C.UTF-8")
        patch.setenv("TERM", "xterm-256color")
        patch.setenv("TZ", "UTC")
        time.tzset()
        use(Look())
        yield
    time.tzset()


@pytest.fixture(autouse=True, scope="session")
def rest_is_seen_in_the_loop() -> Iterator[None]:
    """Make key presses wait until the app has nothing left to do, rather than until the machine looks quiet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textual.app.wait_for_idle", idle)
        patch.setattr("textual.pilot.wait_for_idle", idle)
        patch.setattr("textual.pilot.Pilot._wait_for_screen", screen_idle)
        patch.setattr("textual.screen.UPDATE_PERIOD", FRAME)
        yield


@pytest.fixture(autouse=True, scope="session")
def styles_are_parsed_once() -> Iterator[None]:
    """Every app has the same styles: what one has parsed, the next one is given, where its variables are the same."""
    parse: Any = Stylesheet._parse_rules
    parsed: dict[tuple[object, ...], object] = {}

    def parse_once(stylesheet: Any, css: str, **of: Any) -> object:
        key = (css, *of.items(), *stylesheet._variables.items())
        if key not in parsed:
            parsed[key] = parse(stylesheet, css, **of)
        return parsed[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", parse_once)
        yield


@pytest.fixture(autouse=True, scope="session")
def actions_are_followed_closely() -> Iterator[None]:
    """Make the waits of actions poll ten times a second: the fleets of tests are smaller than real ones."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("execution", "run"):
            patch.setattr(f"actions.running.{module}.POLL", 0.1)
        yield


@pytest.fixture(autouse=True, scope="session")
def sources_end_before_their_thread() -> Iterator[None]:
    """A person waits a second for connections to be closed, and leaves the rest to the end of the process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("console.session.thread.STOPPING", PATIENCE)
        yield


@pytest.fixture(autouse=True)
def open_door(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read-only is for the whole process, which is one for all tests: each begins with the door open."""
    monkeypatch.setattr(guard, "_allowed", None)
