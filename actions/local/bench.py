"""Running ``vllm bench serve`` against a server, one level of concurrency at a time."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import orjson

from actions.audit.redaction_marks import MARK
from actions.kinds.local_bench import LocalBench
from actions.local.bench_output import Output, level_of, why_ended
from actions.local.environment import environment_beside, inherited, set_for
from actions.local.spawn import run
from actions.local.store import kept_environment, whole_env
from fleet.dataclass import dataclass
from fleet.files import is_there
from fleet.local.api_keys import key_for
from fleet.local.benches import ConcurrencyLevel
from fleet.local.errors import LocalError
from fleet.local.record import ServerRecord
from fleet.model.counting import every

WHAT: Final = "vllm bench serve"
_RESULT: Final = "result.json"
_LEAST, _PER_REQUEST = 8, 4
_PERCENTILES: Final = "50,95,99"
_PASSED_ON: Final = ("--tokenizer", "--tokenizer-mode")
_FLAGS: Final = ("--trust-remote-code",)
_OF_OTHERS: Final = frozenset({"http_proxy", "https_proxy", "all_proxy", "openai_api_key"})
"""Variables, in lower case, that it must not inherit: a proxy would be used, and another service's key would be sent to
the server.
"""


@dataclass(frozen=True, slots=True)
class Tool:
    """The program that measures, its server and its arguments."""

    executable: str
    record: ServerRecord
    served: str
    """The name that requests use."""
    prompt_tokens: int
    output_tokens: int
    limit: float
    """Seconds that one level may take."""


def requests_of(asked: LocalBench, concurrency: int) -> int:
    """Return the number of requests of a level."""
    return asked.requests or max(_LEAST, _PER_REQUEST * concurrency)


def command(
    tool: Tool, concurrency: int, requests: int, seed: int, folder: Path, env: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the command line of one level, with flags known to every version with ``vllm bench serve`` (0.8.5 and
    later).

    It uses OpenAI's completions API by default; the flag that selects it has had three names.
    """
    record = tool.record
    return (
        tool.executable, "bench", "serve",
        "--base-url", record.spec.url,
        # The model provides the tokenizer for prompts; requests use the served name.
        "--model", _model_of(record, env),
        "--served-model-name", tool.served,
        *_as_the_server(record.argv),
        "--dataset-name", "random",
        "--random-input-len", str(tool.prompt_tokens),
        "--random-output-len", str(tool.output_tokens),
        "--num-prompts", str(requests),
        "--max-concurrency", str(concurrency),
        # Repeated prompts would hit the prefix cache, and the server would seem faster than it is.
        "--seed", str(seed),
        "--ignore-eos",
        *_greedy(record.version),
        "--percentile-metrics", "ttft,tpot,itl,e2el",
        "--metric-percentiles", _PERCENTILES,
        "--save-result",
        "--result-dir", str(folder),
        "--result-filename", _RESULT,
    )  # fmt: skip


def environment_for(record: ServerRecord, environ: Mapping[str, str], key: str) -> dict[str, str]:
    """Return the environment of the tool: the server's, without hub and usage statistics, and with the server's key. It
    is the same vLLM: a variable that disables an instruction the CPU lacks, or that names the device, must apply to it
    too. Raises LocalError.
    """
    folder = Path(record.folder)
    kept = kept_environment(folder)
    offline = replace(record.spec, hub=False, usage_stats=False, env={})
    if kept is None:
        # Started by an earlier version, which recorded less.
        device = {"VLLM_TARGET_DEVICE": "cpu"} if record.cpu else {}
        shown = {name: value for name, value in record.spec.env.items() if MARK not in value}
        env = {**inherited(environ, offline), **device, **shown}
    else:
        env = environment_beside(inherited(environ, offline), kept, whole_env(folder, {}))
    env |= set_for(offline, {})
    clean = {name: value for name, value in env.items() if name.lower() not in _OF_OTHERS}
    return {**clean, "OPENAI_API_KEY": key} if key else clean


async def measure(
    tool: Tool, concurrency: int, requests: int, seed: int, environ: Mapping[str, str], tell: Callable[[Output], None]
) -> ConcurrencyLevel:
    """Measure one level. ``tell`` is called with its output so far. Its files are removed, also if it is cancelled.

    Raises LocalError, also in read-only mode.
    """
    key = await asyncio.to_thread(key_for, tool.record)
    env = await asyncio.to_thread(environment_for, tool.record, environ, key)
    output = Output()

    def came(chunk: bytes) -> None:
        output.feed(chunk)
        tell(output)

    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as name:
        folder = Path(name)
        argv = command(tool, concurrency, requests, seed, folder, env)
        code = await run(argv, env=env, cwd=folder, on_output=came, what=WHAT, limit=tool.limit)
        document = await asyncio.to_thread(_result, folder / _RESULT)
    if code or document is None:
        python = Path(tool.executable).with_name("python")
        raise why_ended(code, output, str(python) if python.exists() else "python")
    level = level_of(document, concurrency, requests)
    if level.failed >= requests:
        reason = f": {output.failure}" if output.failure else ""
        raise LocalError(f"{every(requests, 'request')} failed{reason}", "Is the server still serving? See its log.")
    return level


def _greedy(version: str) -> tuple[str, ...]:
    """Return the arguments for greedy sampling. Before 0.9.0 that is the default and has no argument."""
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    known = numbers is None or tuple(map(int, numbers.groups())) >= (0, 9, 1)
    return ("--temperature", "0") if known else ()


def _result(file: Path) -> dict[str, object] | None:
    """Return the saved result; None if there is no readable one."""
    try:
        found = orjson.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _model_of(record: ServerRecord, env: Mapping[str, str]) -> str:
    """Return the server's model; with a revision, its folder in the hub's cache if it is there.

    The benchmark has no option for a revision. The cache:
    https://huggingface.co/docs/huggingface_hub/guides/manage-cache
    """
    model, revision = record.spec.model, record.spec.revision
    if not revision or model.startswith("/"):
        return model
    home = env.get("HF_HOME") or f"{env.get('XDG_CACHE_HOME') or '~/.cache'}/huggingface"
    cache = Path(env.get("HF_HUB_CACHE") or f"{home}/hub").expanduser() / f"models--{model.replace('/', '--')}"
    try:
        commit = (cache / "refs" / revision).read_text().strip()
    except OSError:
        commit = revision
    found = cache / "snapshots" / commit
    return str(found) if is_there(found) and found.is_dir() else model


def _as_the_server(argv: tuple[str, ...]) -> list[str]:
    """Return the server's arguments that its tokenizer depends on."""
    found: list[str] = []
    for at, word in enumerate(argv):
        name, joined, value = word.partition("=")
        if name in _FLAGS:
            found.append(name)
        elif name in _PASSED_ON and (joined or argv[at + 1 :]):
            found += [name, value if joined else argv[at + 1]]
    return found
