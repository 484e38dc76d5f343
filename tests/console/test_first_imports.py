"""Imports before the first text and the first value: modules are counted, since seconds depend on the machine."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from console.wiring.demo import simulated
from tests.console.terminal import terminal

ROOMS = ("actions", "console", "fleet", "themes", "widgets")
TEXT = 72
"""Upper bound of our own modules before the first text. If you add one, check whether the first frame needs it."""
VALUE = 289
"""The same before the first value."""
ADDED = {
    "actions.kinds",
    "fleet.kinds",
    "fleet.metrics.engines",
    "fleet.metrics.gateways",
    "fleet.metrics.gpus",
}
"""Modules of declarations, which are not counted: one more is what a recipe of docs/architecture.md adds."""
NEVER = {
    "actions.running.execution",
    "actions.running.runner",
    "aiohttp",
    "httpx",
    "kubernetes",
    "prometheus_api_client",
    "pydantic",
    "python_socks",
}
"""Modules that are not imported for reading through the API server alone and without a proxy."""
UNASKED = {"fleet.sources.prometheus.source", "fleet.sources.prometheus.past", "fleet.metrics.queries"}
"""Modules that query a Prometheus: not imported if there is none."""
JUDGING = {"fleet.diagnosis.cause", "fleet.diagnosis.causes", "fleet.diagnosis.registry", "fleet.snapshot.judgement"}
"""Modules that say what is wrong: they come after the numbers that they judge."""
DESK = {"actions.kinds", "actions.spec", "console.app.desk", "console.commands", "console.screens.base"}
"""Modules of commands, keys and actions: they come with the fleet screen, once the first numbers are drawn."""
LATER = {"fleet.model", "fleet.snapshot", "console.screens", "yaml"}
"""Comes once the first text is on the terminal."""

CONSOLE = """
import json, sys
import console.app.app
import console.main as main
from console.app.app import QuarterdeckApp

file, kubeconfig = sys.argv[1:]
seen = {}

def note(moment):
    if moment not in seen:
        seen[moment] = sorted(sys.modules)

opened, arrived = QuarterdeckApp._open, QuarterdeckApp.on_snapshot_arrived

async def open(app):
    note("text")
    from fleet import observer
    from fleet.net.early_requests import EarlyRequests

    # On a slow machine, too, the moment of the first value comes before that of what follows it.
    EarlyRequests.end = lambda asking: None
    observer.EAGER = observer.JUDGED_AFTER = console.app.app.FIRST_WITHIN = 3600.0
    await opened(app)

def arrive(app, message):
    arrived(app, message)
    if message.snapshot.measured_at is not None and "value" not in seen:
        note("value")
        with open_file(file + ".part", "w") as out:
            json.dump(seen, out)
        os.rename(file + ".part", file)

import os
from builtins import open as open_file
QuarterdeckApp._open, QuarterdeckApp.on_snapshot_arrived = open, arrive
sys.exit(main.main(["--kubeconfig", kubeconfig]))
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, frozenset[str]]:
    """The modules that are imported at the first ``text`` and at the first ``value``."""
    folder = tmp_path_factory.mktemp("imports")
    file = folder / "modules"
    # Not the first start. A variable of this program would import the code that reads it.
    (folder / "quarterdeck").mkdir(mode=0o700)
    (folder / "quarterdeck" / "welcomed").touch()
    own = {"XDG_STATE_HOME": str(folder), "QUARTERDECK_UI_WELCOME": ""}
    with (
        simulated(["--pods", "2"]) as fleet,
        terminal("-c", CONSOLE, str(file), str(fleet.kubeconfig), **own) as term,
    ):
        term.until(lambda _: file.exists())
        term.type(b"\x03")
        assert term.end() == 0
    return {moment: frozenset(names) for moment, names in json.loads(file.read_text()).items()}


def ours(modules: frozenset[str]) -> set[str]:
    added = {*within(modules, ADDED)}
    return {name for name in modules if name.partition(".")[0] in ROOMS and name not in added}


def within(modules: frozenset[str], packages: set[str]) -> list[str]:
    """The modules that are, or are in, one of the packages."""
    return sorted(m for m in modules if any(m == package or m.startswith(f"{package}.") for package in packages))


def test_little_of_ours_is_imported_before_the_first_text(imported: Mapping[str, frozenset[str]]) -> None:
    assert len(ours(imported["text"])) <= TEXT, ours(imported["text"])
    assert within(imported["text"], NEVER | LATER | DESK) == []


def test_what_the_first_value_does_not_need_comes_after_it(imported: Mapping[str, frozenset[str]]) -> None:
    assert len(ours(imported["value"])) <= VALUE, ours(imported["value"])
    assert within(imported["value"], NEVER | UNASKED | JUDGING | DESK) == []
    # The scrape and the screen are there by then: the moment is the one that is meant.
    assert within(imported["value"], LATER)
