"""docs/configuration.md, written from the settings: ``python -m console.config.docs > docs/configuration.md``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from console.config.sections import named_of
from console.config.setting_names import variable
from console.config.settings import Policy, Settings, sections_of
from console.config.sources import with_tables
from fleet.diagnosis.profiles import BUILT_IN
from fleet.diagnosis.thresholds import THRESHOLDS

INTRODUCTION = """\
# Configuration

Nothing has to be configured. Settings are in one TOML file: `$XDG_CONFIG_HOME/quarterdeck/config.toml`
(`~/.config/quarterdeck/config.toml`), or the one that `--config FILE` or `QUARTERDECK_CONFIG` names.

| command | does |
|---|---|
| `quarterdeck config path` | prints which file is read |
| `quarterdeck config show` | prints every value in effect and where it comes from; never a secret |
| `quarterdeck config check` | names what is wrong, with file and line; exits 2 for what cannot be used, else 1 |

Later sources win: default < file < environment < flag. Lists in the environment are separated by commas. A relative
path in the file is relative to the file's folder; `~` is the home folder. Unknown keys and values of another type are
errors.

Secrets never stand in the file: it names the file or the environment variable that holds them.

The API server and a configured Prometheus or Alertmanager are reached through the proxies that kubectl would take:
`proxy-url` of the cluster in the kubeconfig, else `HTTPS_PROXY` and `HTTP_PROXY` with `NO_PROXY` (hosts, addresses,
CIDRs); http, https and socks5. Loopback is always asked directly, `ALL_PROXY` is not read, and pods are asked at their
own addresses or through the API server, never through a proxy.

`read_only` is only ever tightened: once one source says true, no other one undoes it. The administrator of a machine
can set `/etc/quarterdeck/policy.toml` (below); a policy that cannot be understood makes everything read-only.
"""

EXAMPLE = """\
## Example

```toml
[cluster]
context = "prod-eu"
namespaces = ["llm-chat", "llm-batch"]
production = ["prod-*"]

[prometheus]
url = "https://mimir.example.com/prometheus"
bearer_token_file = "~/.config/quarterdeck/token"

[prometheus.headers]
X-Scope-OrgID = "ops"
X-Api-Key = { env = "MIMIR_KEY" }

[prometheus.contexts.staging-eu]
url = "https://mimir.example.com/prometheus"
cluster = "staging-eu"

[prometheus.also.gpus]
url = "https://prometheus.gpu-nodes.example.com"

[alertmanager.also.batch]
url = "https://alerts.batch.example.com"

[diagnosis.profiles.ide]
like = "autocomplete"
models = ["*coder*"]
limits = { queue-deep = 5 }

[ui]
refresh = 5

[local.presets.chat]
model = "~/models/Qwen3-8B"
max_model_len = 16384
extra = ["--enforce-eager"]
env = { HF_TOKEN = { env = "HF_TOKEN" } }
```
"""

POLICY = """\
`/etc/quarterdeck/policy.toml`. Without this file there is no policy. If it cannot be used (a mistake in it, empty, not
readable, a broken symbolic link, a folder or a FIFO in its place), everything is read-only, and stderr says why."""

THRESHOLD_WORDS = """\
Names for `limits`. A workload is judged by the first of `[diagnosis.profiles]` that it matches, else by `profile`. GPUs
are judged by `profile`. Where no source is named, the value is a default of this catalogue."""

DEBUG = """\
`QUARTERDECK_DEBUG=1` prints the traceback of an unexpected error, which otherwise goes to a file under
`$XDG_STATE_HOME/quarterdeck`. `NO_COLOR` and `KUBECONFIG` mean what they mean everywhere."""


def lines() -> Iterator[str]:
    """The page, line by line."""
    yield from INTRODUCTION.splitlines()
    yield ""
    yield from EXAMPLE.splitlines()
    every = with_tables()
    sections = sections_of(every)
    yield from _section("Top level", Settings, (), skip={*sections, "keys"})
    for name, section in sections.items():
        yield from _section(f"`[{name}]`", section, (name,), about=section.__doc__ or "")
    for (name, table), kind in named_of(every).items():
        yield from _section(f"`[{name}.{table}.NAME]`", kind, None, about=" ".join((kind.__doc__ or "").split()))
    yield from _thresholds()
    yield from ("", "## `[keys]`", "", _field(Settings, "keys").metadata["about"])
    yield from _section("The site's policy", Policy, None, about=" ".join(POLICY.splitlines()))
    yield from ("", "## Other variables", "")
    yield from DEBUG.splitlines()


def _thresholds() -> Iterator[str]:
    """The limits that a profile may set, with the values of the built-in ones."""
    yield from ("", "## Thresholds of profiles", "", *THRESHOLD_WORDS.splitlines(), "")
    yield from ("| threshold | chat | autocomplete | batch | what it is | from |", "|---|---|---|---|---|---|")
    for one in THRESHOLDS:
        values = [f"{one.at(BUILT_IN[name]):g}" for name in BUILT_IN]
        yield f"| {' | '.join((f'`{one.name}`', *values, one.about, one.source or '–'))} |"


def _section(
    title: str, cls: type, above: tuple[str, ...] | None, *, about: str = "", skip: set[str] | None = None
) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    if about:
        yield from (about, "")
    with_variable = above is not None
    yield f"| key | type | default |{' environment |' if with_variable else ''} what it does |"
    yield f"|---|---|---|{'---|' if with_variable else ''}---|"
    hints = get_type_hints(cls)
    for field in fields(cls):
        if field.name not in (skip or ()):
            cells = [f"`{field.name}`", type_words(hints[field.name]), f"`{_default(field)}`"]
            if above is not None:
                free = get_origin(hints[field.name]) is Mapping or hints[field.name] is dict
                cells.append("–" if free else f"`{variable((*above, field.name))}`")
            cells.append(_description(field))
            yield f"| {' | '.join(cells)} |"


def _field(cls: type, name: str) -> Field[Any]:
    return next(f for f in fields(cls) if f.name == name)


def _default(field: Field[Any]) -> str:
    if field.default is MISSING:
        return "{}"
    if field.default is None:
        return "–"
    return json.dumps(field.default, ensure_ascii=False)


def _description(field: Field[Any]) -> str:
    low, high = field.metadata["minimum"], field.metadata["maximum"]
    about: str = field.metadata["about"]
    return f"{about} {low:g} to {high:g}." if low is not None else about


def type_words(kind: Any) -> str:
    """The name of a type for people."""
    if get_origin(kind) is Literal:
        return ", ".join(f"`{word}`" for word in get_args(kind))
    if get_origin(kind) is UnionType:
        kind = next(one for one in get_args(kind) if one is not NoneType)
    if get_origin(kind) is tuple:
        return f"list of {'numbers' if get_args(kind)[0] is int else 'strings'}"
    if get_origin(kind) is None:
        return {str: "string", bool: "true, false", int: "whole number", float: "number"}[kind]
    return "table"


if __name__ == "__main__":
    print("\n".join(lines()))
