"""The rules for declarations of actions, which make them importable in any mode and at any start."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import MISSING, fields, replace
from importlib import import_module
from pkgutil import iter_modules
from typing import ClassVar

import pytest

import actions.kinds
from actions.catalogue import KINDS, CatalogueEntry, from_json, spec_of, specs_of
from actions.request import LOCAL, LOCAL_SERVER, Request, Target, to_json
from actions.spec import ActionSpec, Api, Argument, Takes, UsageError
from fleet.dataclass import dataclass

ACTS = ("runner", "planner", "writer", "execution_context", "undo", "checks.", "follow.", "audit.")
"""Modules that plan, execute and record."""
LIBRARIES = ("asyncio", "httpx", "kubernetes", "orjson", "psutil", "pydantic", "yaml")

IMPORTED = """
import sys
from actions.catalogue import specs
assert [spec.kind for spec in specs()]
print(*sys.modules, sep="\\n")
"""


def test_a_declaration_imports_nothing_that_acts_and_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "actions.kinds.scale" in loaded
    assert [name for name in loaded if name.endswith(".action") or name.startswith("console")] == []
    assert [name for name in loaded if name.removeprefix("actions.").startswith(ACTS) and "actions." in name] == []
    assert [name for name in loaded if name in LIBRARIES] == []


@pytest.mark.parametrize("entry", KINDS, ids=lambda entry: entry.kind)
def test_a_line_and_what_it_names_agree(entry: CatalogueEntry) -> None:
    spec = spec_of(entry.kind)
    assert spec.kind == entry.kind
    assert callable(spec.action().plan)
    assert callable(spec.action().execute)
    assert bool(entry.command) == bool(specs_of(entry.command))
    assert not entry.command or specs_of(entry.command)[0].title
    in_request = {field.name for field in fields(spec.request)}
    assert spec.build is not None or {argument.field for argument in spec.arguments} <= {"", *in_request}
    assert spec.many == ("others" in in_request)


def test_each_module_of_kinds_is_in_the_catalogue() -> None:
    modules = {f"{actions.kinds.__name__}.{module.name}" for module in iter_modules(actions.kinds.__path__)}
    assert {entry.where.partition(":")[0] for entry in KINDS} == modules
    declared = {
        id(value) for name in modules for value in vars(import_module(name)).values() if isinstance(value, ActionSpec)
    }
    assert declared == {id(spec_of(entry.kind)) for entry in KINDS}


def test_every_summary_is_written_from_a_line() -> None:
    first = {entry.command: entry for entry in reversed(KINDS) if entry.command}
    assert all(entry.summary for entry in first.values())
    assert [e.kind for e in KINDS if e.summary and first[e.command] != e] == []


@pytest.mark.parametrize(
    "entry", [e for e in KINDS if e.command and spec_of(e.kind).launch is None], ids=lambda entry: entry.kind
)
def test_what_is_asked_for_is_recorded_and_read_again(entry: CatalogueEntry) -> None:
    spec = spec_of(entry.kind)
    target = Target(spec.targets[0], "serving", "chat", "uid-1")
    needed = {one.name for one in fields(spec.request) if one.default is MISSING and one.default_factory is MISSING}
    texts = {one.field: "a text" for one in spec.arguments if one.takes is Takes.TEXT and one.field in needed}
    numbers = {one.field: 3 for one in spec.arguments if one.takes is Takes.INTEGER}
    request = spec.make(texts | numbers, (target,))
    assert isinstance(request, Request)
    assert from_json(to_json(request)) == request


@dataclass(frozen=True, slots=True)
class Flag(Request):
    """An action that cannot be without its text, and declares no more than that."""

    kind: ClassVar[str] = "flag"
    text: str
    where: str = "here"


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        (Argument("text", metavar="TEXT", help="what it says"), "missing TEXT: what it says"),
        (Argument("text", "--text", help="what it says"), "missing --text: what it says"),
        (Argument("text"), "missing text"),
    ],
)
def test_what_a_request_cannot_be_without_is_asked_for_and_never_a_traceback(argument: Argument, expected: str) -> None:
    spec = replace(spec_of("restart"), request=Flag, arguments=(argument, Argument("where", "--where")), build=None)
    target = Target("Deployment", "serving", "chat")
    with pytest.raises(UsageError) as caught:
        spec.make({"text": None}, (target,))
    assert str(caught.value) == expected
    assert spec.make({"text": "x"}, (target,)) == Flag(target, "x")


def test_one_server_is_not_two() -> None:
    servers = (Target(LOCAL_SERVER, LOCAL, "a"), Target(LOCAL_SERVER, LOCAL, "b"))
    with pytest.raises(UsageError, match="one server at a time"):
        spec_of("local-bench").make({}, servers)


@pytest.mark.parametrize("kind", ["", "reboot", "Kind.SCALE"])
def test_a_kind_that_is_not_known_is_said_so(kind: str) -> None:
    with pytest.raises(ValueError, match="is not an action known to this version"):
        from_json({"kind": kind, "target": {"kind": "Pod", "namespace": "a", "name": "b"}})


@pytest.mark.parametrize("entry", KINDS, ids=lambda entry: entry.kind)
def test_an_action_on_a_cluster_needs_a_permission_and_one_here_needs_none(entry: CatalogueEntry) -> None:
    spec = spec_of(entry.kind)
    for target in spec.targets:
        # An Alertmanager has no permissions that could be checked.
        assert bool(spec.permissions_for(target)) is (target != LOCAL_SERVER and spec.api is Api.KUBERNETES)
