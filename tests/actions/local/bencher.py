"""A ``vllm`` that can do nothing but ``bench serve``, and that only as a test wants it to."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fleet.local.benches import ConcurrencyLevel

BENCH = """#!{python}
import json, os, pathlib, sys, time
here = pathlib.Path(__file__).parent
words = sys.argv[1:]
if words == ["--version"]:
    print("0.32.0")
    sys.exit()
if "--help" in words or "--help=all" in words:
    print("--max-concurrency" if words[0] == "bench" and not (here / "old").exists() else "")
    sys.exit()
def value(flag):
    return words[words.index(flag) + 1]
with (here / "calls").open("a") as calls:
    calls.write(json.dumps({{"argv": words, "env": dict(os.environ), "pid": os.getpid()}}) + "\\n")
total = int(value("--num-prompts"))
modes = json.loads((here / "modes").read_text())
mode = modes.get(value("--max-concurrency"), "")
print("Namespace(", "x" * 5000, ")", flush=True)
def bar(done):
    text = f"\\r{{done * 100 // total}}%|█▎  | {{done}}/{{total}} [00:01<00:02, 2.4it/s]"
    print(text, end="", file=sys.stderr, flush=True)
if mode.startswith("say:"):
    print(mode[4:], file=sys.stderr)
    sys.exit(1)
if mode == "silent":
    sys.exit(0)
if mode == "child":
    child = os.fork()
    if not child:
        time.sleep(600)
    (here / "child").write_text(str(child))
bar(0)
bar(total // 2)
if mode in ("hang", "child"):
    time.sleep(600)
bar(total)
failed = int(mode or 0)
if failed:
    print("\\nFailed requests during benchmark run detected (capping to 10):")
    print("Error 0: Traceback (most recent call last):\\n  File x\\naiohttp.ClientError: it hung up")
    print("trace\\n" * 500)
concurrency = int(value("--max-concurrency"))
result = {{"completed": total - failed, "failed": failed, "duration": 2.0, "request_throughput": total / 2,
          "output_throughput": 100.0 * concurrency}}
for name, base in (("ttft", 20), ("itl", 2), ("e2el", 200)):
    for p in (50, 95, 99):
        result[f"p{{p}}_{{name}}_ms"] = base + p / 100
(pathlib.Path(value("--result-dir")) / value("--result-filename")).write_text(json.dumps(result))
"""
"""A ``vllm`` that measures nothing: its behaviour per concurrency is in ``modes``, its calls in ``calls``."""


@dataclass(frozen=True)
class Bencher:
    """Such a vllm in a folder."""

    folder: Path

    @property
    def executable(self) -> str:
        return str(self.folder / "vllm")

    @property
    def left(self) -> list[str]:
        """The folders for its results that are still there."""
        folders = [call["argv"][call["argv"].index("--result-dir") + 1] for call in self.calls]
        return [folder for folder in folders if Path(folder).exists()]

    def remove(self) -> None:
        """Uninstall the tool."""
        Path(self.executable).unlink()

    @property
    def calls(self) -> list[dict[str, Any]]:
        file = self.folder / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def bencher(folder: Path, **modes: str) -> Bencher:
    """``modes``: ``at_4="hang"`` is its behaviour at concurrency 4."""
    folder.mkdir()
    script = folder / "vllm"
    script.write_text(BENCH.format(python=sys.executable))
    script.chmod(0o755)
    (folder / "modes").write_text(json.dumps({name.removeprefix("at_"): mode for name, mode in modes.items()}))
    return Bencher(folder)


def a_level(**more: Any) -> ConcurrencyLevel:
    """One at a time, and fields replaced."""
    return replace(ConcurrencyLevel(1, 8, 0, 2.0, 4.0, 100.0, ttft_p95=0.02), **more)
