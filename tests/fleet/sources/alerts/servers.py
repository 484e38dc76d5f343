"""A real Prometheus with rules and a real Alertmanager on loopback, and a server with a test's answers."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from tests import plain
from tests.fleet.metrics.servers import Prometheus, prometheus_on
from tests.ports import free_port
from tests.waiting import PATIENCE, block_until

INHIBIT = {
    "source_matchers": ['alertname="NodeDown"'],
    "target_matchers": ['severity="warning"'],
    "equal": ["node"],
}


class Alertmanager:
    """A running one."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def post(self, *alerts: Mapping[str, str], summary: str = "it is so") -> None:
        """Fire alerts with these labels, as Prometheus would."""
        body = [
            {"labels": dict(labels), "annotations": {"summary": summary}, "generatorURL": "http://prometheus/graph"}
            for labels in alerts
        ]
        plain.post(f"{self.url}/api/v2/alerts", json=body).raise_for_status()

    def silence(self, name: str, value: str, comment: str = "being looked at") -> str:
        """Silence for an hour; gives the id."""
        now = time.time()
        body = {
            "matchers": [{"name": name, "value": value, "isRegex": False, "isEqual": True}],
            "startsAt": _stamp(now),
            "endsAt": _stamp(now + 3600),
            "createdBy": "ops",
            "comment": comment,
        }
        answer = plain.post(f"{self.url}/api/v2/silences", json=body).raise_for_status()
        return str(answer.json()["silenceID"])

    def alerts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = plain.get(f"{self.url}/api/v2/alerts").json()
        return found

    def silences(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = plain.get(f"{self.url}/api/v2/silences").json()
        return found


def _stamp(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


@contextmanager
def alertmanager(folder: Path, prefix: str = "") -> Iterator[Alertmanager]:
    """A real Alertmanager that notifies nobody."""
    folder.mkdir(exist_ok=True)
    config = folder / "alertmanager.yml"
    route = {"receiver": "nobody", "group_wait": "0s", "group_interval": "1s"}
    config.write_text(
        json.dumps({"route": route, "receivers": [{"name": "nobody"}], "inhibit_rules": [INHIBIT]}), encoding="utf-8"
    )
    port, log = free_port(), folder / "alertmanager.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                "prometheus-alertmanager",
                f"--config.file={config}",
                f"--storage.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
                f"--web.route-prefix={prefix or '/'}",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def ready() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return plain.get(f"http://127.0.0.1:{port}{prefix}/-/ready", timeout=2).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    try:
        block_until(ready)
        yield Alertmanager(port)
    finally:
        process.terminate()
        process.wait(PATIENCE)


@contextmanager
def prometheus_with_rules(
    folder: Path,
    rules: Sequence[Mapping[str, Any]],
    *,
    alertmanagers: Sequence[str] = (),
    jobs: Sequence[Mapping[str, Any]] = (),
    external: Mapping[str, str] | None = None,
) -> Iterator[Prometheus]:
    """A real Prometheus that evaluates these rules every 100 ms and sends what fires to the Alertmanagers."""
    folder.mkdir(exist_ok=True)
    groups = [{"name": "serving", "interval": "100ms", "rules": list(rules)}]
    (folder / "rules.yml").write_text(json.dumps({"groups": groups}), encoding="utf-8")
    targets = [url.removeprefix("http://") for url in alertmanagers]
    config = {
        "global": {
            "scrape_interval": "200ms",
            "scrape_timeout": "200ms",
            "evaluation_interval": "100ms",
            "external_labels": dict(external or {}),
        },
        "rule_files": [str(folder / "rules.yml")],
        "scrape_configs": list(jobs),
    }
    if targets:
        config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": targets}]}]}
    file = folder / "prometheus.yml"
    file.write_text(json.dumps(config), encoding="utf-8")
    with prometheus_on(file, folder) as running:
        yield running


class Said:
    """Answers of a server by path, and the requests that it got."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.answers: dict[str, Any] = {}
        """Answers by path: JSON; bytes as they are; or a status with either."""
        self.seen: list[tuple[str, str]] = []
        self.headers: list[Mapping[str, str]] = []


@contextmanager
def answering(answers: Mapping[str, Any]) -> Iterator[Said]:
    """A server on loopback; what it does not know is 404."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            seen.seen.append((self.command, path))
            seen.headers.append(dict(self.headers.items()))
            found = seen.answers.get(path, (404, b"not found"))
            status, content = found if isinstance(found, tuple) else (200, found)
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_DELETE = do_PUT = do_GET  # noqa: N815 - as http.server has them

        def log_message(self, *_: object) -> None:
            """Not on the terminal of the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    seen = Said(server.server_address[1])
    seen.answers.update(answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
