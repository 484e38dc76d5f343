"""The environment of the benchmarks: the fleet's server in a separate process, and a Prometheus that scrapes it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.fleet.objects import EXPORTERS, Engine
from tests.benchmarks.fleet.pages import RUNNING
from tests.benchmarks.result import CannotMeasureError
from tests.fleet.metrics.servers import Prometheus, prometheus_on

ROOT = Path(__file__).parents[2]
QUARTERDECK = str(Path(sys.executable).with_name("quarterdeck"))
VALUE = rf"\b{RUNNING // 10}\d\b"
"""The requests running of one engine; every program shows them."""
_PROMETHEUS_STARTS = 2.0
_ASK_EVERY = 1.0
"""Seconds."""


class NotHereError(CannotMeasureError):
    """Something that a measurement needs is not on this machine."""


@dataclass(frozen=True)
class FleetServer:
    """A fleet that is being served."""

    api: str
    engines: tuple[int, ...]
    """The engines' ports on 127.0.0.1."""
    exporters: dict[str, int]
    folder: Path
    """Folder for its files; deleted afterwards."""
    pid: int

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def query_log(self) -> Path:
        """File in which Prometheus logs its queries."""
        return self.folder / "queries.log"

    @property
    def urls(self) -> list[str]:
        """The engines, as peers want them."""
        return [f"http://127.0.0.1:{port}" for port in self.engines]

    def scrapes(self, of: int | None = None) -> int:
        """Number of pages that the engines, or the engine at this port, have answered."""
        query = "" if of is None else f"?of={of}"
        with urllib.request.urlopen(f"{self.api}/scrapes{query}", timeout=10) as answer:  # noqa: S310 - loopback
            return int(answer.read())

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment of a program on a terminal, without any configuration of ours."""
        inherited = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        return {
            "LANG": "C.UTF-8",
            **inherited,
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "HOME": str(self.folder),
        }

    def console(self, *flags: str) -> list[str]:
        """The command line of Quarterdeck on this fleet."""
        return [QUARTERDECK, "--kubeconfig", str(self.kubeconfig), *flags]


@contextmanager
def fleet_server(pods: int, *flags: str) -> Iterator[FleetServer]:
    """Serve a fleet; ``flags`` are those of ``tests.benchmarks.fleet.server``."""
    command = [sys.executable, "-m", "tests.benchmarks.fleet.server", "--pods", str(pods), *flags]
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            where = json.loads(process.stdout.readline())
            server = FleetServer(where["api"], tuple(where["engines"]), where["exporters"], Path(folder), process.pid)
            _write_kubeconfig(server)
            yield server
        finally:
            process.stdin.close()
            process.stdout.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _write_kubeconfig(server: FleetServer) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "bench",
        "clusters": [{"name": "bench", "cluster": {"server": server.api}}],
        "users": [{"name": "bench", "user": {}}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
    }
    server.kubeconfig.write_text(json.dumps(config))


def scraped_twice(interval: int) -> float:
    """Seconds until a Prometheus has scraped everything twice: it spreads the first scrapes over the interval."""
    return 2.0 * interval + _PROMETHEUS_STARTS


@contextmanager
def prometheus_of(server: FleetServer, interval: int) -> Iterator[Prometheus]:
    """A Prometheus that has scraped all of the fleet twice, every ``interval`` seconds.

    Raises NotHereError, and CannotMeasureError for one that does not keep up.
    """
    if shutil.which("prometheus") is None:
        raise NotHereError("prometheus is not on the PATH")
    file = server.folder / "prometheus.yml"
    file.write_text(json.dumps(_scraping(server, interval)))
    with prometheus_on(file, server.folder) as running:
        ready = f"count(count_over_time(vllm:num_requests_running[{4 * interval}s]) >= 2) >= {len(server.engines)}"
        patience = 60.0 + 4 * interval
        deadline = time.monotonic() + patience
        while not _answers(running, ready):
            if time.monotonic() > deadline:
                text = f"Prometheus has not scraped {len(server.engines)} engines twice in {patience:.0f} s"
                raise CannotMeasureError(text)
            # Asked more often, the question itself would keep it from scraping.
            time.sleep(_ASK_EVERY)
        yield running


def _answers(prometheus: Prometheus, query: str) -> bool:
    """True if the query has a result; a Prometheus that is too busy to say so has none yet."""
    try:
        return bool(prometheus.get("/api/v1/query", query=query)["result"])
    except OSError:
        return False


def _scraping(server: FleetServer, interval: int) -> dict[str, object]:
    engines = [
        _target(port, Engine(number).namespace, Engine(number).pod) for number, port in enumerate(server.engines)
    ]
    exporters = [_target(port, EXPORTERS, f"dcgm-exporter-{node}") for node, port in server.exporters.items()]
    return {
        "global": {
            "scrape_interval": f"{interval}s",
            "scrape_timeout": f"{interval}s",
            "query_log_file": str(server.query_log),
        },
        "scrape_configs": [_job("vllm", engines), _job("dcgm", exporters)],
    }


def _target(port: int, namespace: str, pod: str) -> dict[str, object]:
    return {"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": namespace, "pod": pod}}


def _job(name: str, targets: Sequence[dict[str, object]]) -> dict[str, object]:
    return {"job_name": name, "static_configs": list(targets)}
