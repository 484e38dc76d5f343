"""The form for starting a server: its initial values, and their interpretation. No I/O.

An empty line leaves its argument to vLLM; values from the settings, a preset, a pod or the server itself are filled in,
so that they are visible and can be removed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from actions.audit.redaction_marks import MARK
from actions.local.store import mask_variables
from fleet.dataclass import dataclass
from fleet.local.arguments import BY_FLAG
from fleet.local.names import is_name, name_for
from fleet.local.spec import LOOPBACK, LaunchSpec, serve_arguments, value_of, with_values
from fleet.local.vllm_arguments import ARGUMENTS, SWITCH, WORDS, VllmArgument

if TYPE_CHECKING:
    from fleet.local.same_as_pod import Difference, Same
    from fleet.local.server import ServerState

PRESET: Final = "preset"
VERIFY: Final = "verify"
_LEFT: Final = "left to vLLM"
_ON, _OFF = "on", "off"


class LaunchRow(NamedTuple):
    """One row of the form; with ``choices`` it is chosen, without it is typed."""

    key: str
    label: str
    default: str = _LEFT
    choices: tuple[str, ...] = ()


def _row(argument: VllmArgument) -> LaunchRow:
    choices = (_ON, _OFF) if argument.kind is SWITCH else argument.choices
    return LaunchRow(argument.name, argument.label, argument.unset, choices)


_FIRST: Final = ("served_model_name", "revision", "port", "host")
"""Arguments that come first in the form: names and address."""
_ROW_OF: Final = {argument.name: _row(argument) for argument in ARGUMENTS}
ROWS: Final[tuple[LaunchRow, ...]] = (
    LaunchRow("model", "model", "a folder, or org/name on the hub"),
    LaunchRow("name", "name"),
    *(_ROW_OF[name] for name in _FIRST),
    *(row for name, row in _ROW_OF.items() if name not in _FIRST),
    LaunchRow("env", "variables", "NAME=value, separated by spaces"),
    LaunchRow("extra", "other arguments", "as on the command line of vllm serve"),
    LaunchRow("hub", "the hub", "off: nothing is downloaded, it works without a network", (_ON, _OFF)),
    LaunchRow(VERIFY, "checksums", "off: only small files are checked", (_ON, _OFF)),
)
"""Rows in a natural order. Their keys are those of presets."""

_HAS_ITS_ROW: Final = {f"--{key.replace('_', '-')}": label for key, label, *_ in ROWS} | {
    flag: argument.label for flag, argument in BY_FLAG.items()
}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Form:
    """A form before anything was typed."""

    title: str
    base: LaunchSpec
    """Spec for arguments without a row, and for the port if none is typed."""
    values: Mapping[str, str]
    """Texts of the rows, by key."""
    presets: Mapping[str, LaunchSpec] = field(default_factory=dict)
    unset: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Preset → variable that refers to an unset one → the name of the unset one."""
    chosen: str = ""
    """The preset that was chosen."""
    servers: tuple[ServerState, ...] = ()
    """Servers there are: their names and ports are taken."""
    server: ServerState | None = None
    """The server to restart; None for a new one."""
    differences: tuple[Difference, ...] = ()

    @property
    def rows(self) -> tuple[LaunchRow, ...]:
        """The rows that it has: a server that is started again keeps its name."""
        return tuple(row for row in ROWS if self.server is None or row.key != "name")


@dataclass(frozen=True, slots=True)
class Filled:
    """The input as a spec, with its problems by row."""

    spec: LaunchSpec
    verify: bool
    problems: Mapping[str, str]
    remarks: Mapping[str, str]
    """Remarks on rows that are right."""
    name: str
    """The name that it gets where none is typed."""

    @property
    def command(self) -> str:
        """The command that would be started, as a shell would take it."""
        return shlex.join(("vllm", *serve_arguments(self.spec)))


class MachineFacts(Protocol):
    """The facts of this machine for a form: the base of a new server, and existing servers."""

    @property
    def servers(self) -> tuple[ServerState, ...]: ...

    @property
    def presets(self) -> Mapping[str, LaunchSpec]: ...

    def unset(self, preset: str) -> Mapping[str, str]:
        """Variable of a preset that refers to an unset one → the name of the unset one."""

    def defaults(self) -> LaunchSpec: ...


def new(machine: MachineFacts, model: str) -> Form:
    """A server that is not there yet; ``model`` may be empty, or the name of a preset."""
    defaults, presets = machine.defaults(), machine.presets
    title, unset = "Start a vLLM server on this machine", _unset(machine)
    form = Form(title, defaults, filled_in(defaults), presets, unset, servers=machine.servers)
    if model in presets:
        return preset_chosen(form, model)
    return replace(form, values={**form.values, "model": model})


def copied(machine: MachineFacts, pod: str, same: Same) -> Form:
    """Return the form of a pod's server, on this machine."""
    title, values = f"Start on this machine with the settings of {pod} runs", filled_in(same.spec)
    presets, unset = machine.presets, _unset(machine)
    return Form(title, same.spec, values, presets, unset, servers=machine.servers, differences=same.differences)


def restarted(machine: MachineFacts, server: ServerState) -> Form:
    """Return the form for restarting a server."""
    spec = server.record.spec
    others = tuple(other for other in machine.servers if other.name != server.name)
    values = {**filled_in(spec), "port": str(spec.port)}
    return Form(f"Restart {server.name}", spec, values, machine.presets, _unset(machine), servers=others, server=server)


def _unset(machine: MachineFacts) -> dict[str, Mapping[str, str]]:
    return {name: machine.unset(name) for name in machine.presets}


def preset_chosen(form: Form, name: str) -> Form:
    """The form with a preset of the settings in its rows; empty for none: as the settings begin a new one."""
    spec = form.presets.get(name)
    if spec is None:
        return replace(form, chosen="")
    values, taken = filled_in(spec), {server.name for server in form.servers}
    if spec.name in taken:
        values["name"] = name_for(spec.name, taken)
    port = form.server.record.spec.port if form.server is not None else spec.port
    if port:
        values["port"] = str(port)
    return replace(form, base=replace(spec, port=form.base.port), values=values, chosen=name)


def filled_in(spec: LaunchSpec) -> dict[str, str]:
    """Return the texts of the rows for a spec: values that differ from vLLM's defaults, with secrets masked.

    The port is suggested, not filled in.
    """
    plain, values = LaunchSpec("", ""), {"model": spec.model}
    for argument in ARGUMENTS:
        value = value_of(spec, argument)
        if argument.name != "port" and value != value_of(plain, argument):
            values[argument.name] = _text(argument, value)
    values["name"] = spec.name
    values["env"] = shlex.join(f"{name}={value}" for name, value in mask_variables(spec.env).items())
    values["extra"] = shlex.join(spec.extra)
    if spec.hub:
        values["hub"] = _ON
    return {key: value for key, value in values.items() if value}


def read(form: Form, values: Mapping[str, str]) -> Filled:
    """Return the input as a spec. Invalid values keep their defaults."""
    reader = _Reader(form, values)
    spec = reader.spec()
    for variable, source in form.unset.get(form.chosen, {}).items():
        if variable not in spec.env:
            reader.problems.setdefault("env", f"{variable} comes from {source}, which is not set")
    name = form.server.name if form.server is not None else name_for(values.get("model", ""), reader.taken)
    return Filled(spec, values.get(VERIFY) == _ON, reader.problems, _remarks(form, spec), name)


class _Reader:
    """Reads row by row; an invalid value is a problem of its row."""

    def __init__(self, form: Form, values: Mapping[str, str]) -> None:
        self.problems: dict[str, str] = {}
        self.taken = {server.name for server in form.servers}
        self._form = form
        self._values = values

    def spec(self) -> LaunchSpec:
        values = self._values
        spec = with_values(
            self._form.base,
            {
                **{argument.name: self._value(argument) for argument in ARGUMENTS},
                "name": self._name(),
                "model": values.get("model", ""),
                "host": self._host(),
                "port": self._port(),
                "env": self._env(),
                "extra": self._extra(),
                "hub": values.get("hub") == _ON,
            },
        )
        if not spec.model:
            self.problems["model"] = "which model?"
        elif any(part.isspace() for part in spec.model) and "/" not in spec.model:
            self.problems["model"] = "a name on the hub has no spaces"
        return spec

    def _name(self) -> str:
        if self._form.server is not None:
            return self._form.server.name
        name = self._values.get("name", "")
        if not name:
            return name_for(self._values.get("model", ""), self.taken)
        if not is_name(name):
            self.problems["name"] = "letters, digits, dots and dashes, 63 at most"
        elif name in self.taken:
            self.problems["name"] = "a server of this name exists"
        return name

    def _host(self) -> str:
        host = self._values.get("host", "")
        if any(char.isspace() or char == "/" for char in host):
            self.problems["host"] = "an address or a host name"
        return host or LOOPBACK

    def _port(self) -> int:
        text = self._values.get("port", "")
        if text and not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
            self.problems["port"] = "a number from 1 to 65535"
            return self._form.base.port
        port = int(text) if text else self._form.base.port
        other = next(
            (server.name for server in self._form.servers if server.alive and server.record.spec.port == port), None
        )
        if other is not None:
            self.problems["port"] = f"{other} already listens there"
        return port

    def _value(self, argument: VllmArgument) -> Any:
        text = self._values.get(argument.name, "")
        if argument.kind is WORDS:
            return tuple(self._words(argument.name))
        if argument.kind is SWITCH:
            return {_ON: True, _OFF: False}.get(text)
        if not text:
            return argument.plain
        try:
            return argument.kind.read(text)
        except ValueError:
            self.problems[argument.name] = argument.kind.wanted
            return argument.plain

    def _words(self, key: str) -> list[str]:
        try:
            return shlex.split(self._values.get(key, ""))
        except ValueError:
            self.problems[key] = "a quotation mark is not closed"
            return []

    def _env(self) -> dict[str, str]:
        words = self._words("env")
        wrong = next((word for word in words if not _VARIABLE.fullmatch(word)), None)
        if wrong is not None:
            self.problems["env"] = f"{wrong.partition('=')[0]!r}: NAME=value is wanted"
            return {}
        typed = dict(word.split("=", 1) for word in words)
        # An unchanged mask keeps the hidden value.
        return {name: self._form.base.env.get(name, MARK) if value == MARK else value for name, value in typed.items()}

    def _extra(self) -> tuple[str, ...]:
        words = self._words("extra")
        for word in words:
            flag = word.partition("=")[0].replace("_", "-")
            if flag == "--api-key":
                self.problems["extra"] = "a key is generated for it; it is never on a command line"
            elif flag in _HAS_ITS_ROW:
                self.problems["extra"] = f"{flag} has its own line: {_HAS_ITS_ROW[flag]}"
        if words and not words[0].startswith("-"):
            self.problems["extra"] = f"{words[0]!r} is not an argument: arguments begin with --"
        return tuple(words)


def _remarks(form: Form, spec: LaunchSpec) -> dict[str, str]:
    remarks: dict[str, str] = {}
    if not spec.is_loopback:
        remarks["host"] = "others can reach it: it requires the key that is generated for it"
    if spec.hub:
        remarks["hub"] = "it may download the model and contact the hub"
    if form.server is not None:
        before = {**filled_in(form.server.record.spec), "port": str(form.server.record.spec.port)}
        after = {**filled_in(spec), "port": str(spec.port)}
        for key, *_ in ROWS:
            if before.get(key, "") != after.get(key, "") and key != "name":
                remarks[key] = f"was {before.get(key) or 'not set'}"
    return remarks


def _text(argument: VllmArgument, value: Any) -> str:
    """Return a value as text for its row."""
    if argument.kind is SWITCH:
        return _ON if value else _OFF
    return shlex.join(value) if argument.kind is WORDS else str(value)
