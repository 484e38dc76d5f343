"""Real servers on loopback for tests: exporters in this process, and a Prometheus that scrapes them."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.waiting import PATIENCE, block_until


class Exporters:
    """Answers each path with what its function returns at that moment."""

    def __init__(self) -> None:
        self.pages: dict[str, Callable[[], str]] = {}
        pages = self.pages

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                page = pages.get(self.path)
                body = page().encode() if page else b""
                self.send_response(200 if page else 503)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@dataclass(frozen=True)
class Job:
    """One static target with the labels that service discovery would attach."""

    name: str
    path: str
    labels: Mapping[str, str]
    honor_labels: bool = False


@contextmanager
def exporters() -> Iterator[Exporters]:
    """Exporters that are stopped at the end."""
    server = Exporters()
    try:
        yield server
    finally:
        server.close()


class Prometheus:
    """A running Prometheus."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path: str, **query: str) -> Any:
        """GET of the API: the field ``data``."""
        url = f"{self.url}{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - loopback
            return json.load(answer)["data"]

    def query(self, promql: str, at: float) -> list[tuple[dict[str, str], float]]:
        """An instant vector."""
        result = self.get("/api/v1/query", query=promql, time=f"{at:.3f}")["result"]
        return [(element["metric"], float(element["value"][1])) for element in result]

    def value(self, promql: str, at: float) -> float:
        """The one element of an instant vector."""
        ((_, value),) = self.query(promql, at)
        return value


def _configuration(address: str, jobs: Sequence[Job]) -> dict[str, object]:
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            {
                "job_name": f"{job.name}-{at}",
                "metrics_path": job.path,
                "honor_labels": job.honor_labels,
                "static_configs": [{"targets": [address], "labels": dict(job.labels)}],
                "relabel_configs": [{"target_label": "job", "replacement": job.name}],
            }
            for at, job in enumerate(jobs)
        ],
    }


@contextmanager
def prometheus(directory: Path, address: str, jobs: Sequence[Job]) -> Iterator[Prometheus]:
    """Prometheus scraping the jobs at ``address`` every second, stopped at the end."""
    file = directory / "prometheus.yml"
    file.write_text(json.dumps(_configuration(address, jobs)))
    with prometheus_on(file, directory) as running:
        yield running


@contextmanager
def prometheus_on(file: Path, directory: Path) -> Iterator[Prometheus]:
    """Prometheus with this configuration, its data and log in ``directory``, stopped at the end."""
    log = directory / "prometheus.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={file}",
                f"--storage.tsdb.path={directory / 'data'}",
                "--web.listen-address=127.0.0.1:0",
                "--storage.tsdb.min-block-duration=2h",
                # The first alerts are lost where the Alertmanager is not discovered yet; the default is a minute.
                "--rules.alert.resend-delay=10s",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Prometheus(_port(log, process))
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _port(log: Path, process: subprocess.Popen[bytes]) -> int:
    """The port that the kernel gave it, from its log, once it serves."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for line in log.read_text().splitlines():
            if "Listening on" in line and "address=127.0.0.1:" in line:
                port = int(line.partition("address=127.0.0.1:")[2].split()[0].strip('"'))
                if _ready(port):
                    return port
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def victoria_metrics(directory: Path, address: str, jobs: Sequence[Job]) -> Iterator[Prometheus]:
    """VictoriaMetrics doing the same: another engine behind the same query API."""
    file = directory / "scrape.yml"
    file.write_text(json.dumps(_configuration(address, jobs)))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [
            "victoria-metrics",
            f"-storageDataPath={directory / 'data'}",
            f"-httpListenAddr=127.0.0.1:{port}",
            f"-promscrape.config={file}",
            "-search.latencyOffset=0s",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        block_until(lambda: _ready(port))
        yield Prometheus(port)
    finally:
        process.terminate()
        process.wait(PATIENCE)
