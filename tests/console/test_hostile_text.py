"""Foreign text on the command line: no text of a server, a plugin or a file controls the terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from console.cli import exit_codes
from console.cli.streams import document, page
from console.report.harmless import harmless
from tests.actions.audit.logs import PATCH, intent, log_in
from tests.prefork import quarterdeck_bytes

HOSTILE = "oops\x1b]52;c;aGk=\x07\x1b[2J\x9b31m\x9d0;t\x9c\u202eevil\u2066\u200b\x7f\r\x08quarterdeck: all is well"
"""A clipboard is written, a screen cleared, both in C1 forms too, text runs backwards, a line is rewritten."""
STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069]")


def ours(*words: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    return quarterdeck_bytes(*words, env=os.environ | environ)


def assert_harmless(done: subprocess.CompletedProcess[bytes]) -> str:
    """Both streams; what was in them, so that a test can see that the text was there at all."""
    for stream in (done.stdout, done.stderr):
        text = stream.decode()
        assert not STEERS.search(text), ascii(text)
        assert not re.search("^quarterdeck: all is well", text, re.MULTILINE), "it passes for a message of ours"
    assert b"Traceback" not in done.stderr
    return (done.stdout + done.stderr).decode()


@contextmanager
def liar(status: int, body: bytes, kind: str) -> Iterator[str]:
    """A server that gives this answer to every request."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the base class's name

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def kubeconfig(folder: Path, server: str, user: object = None, name: str = "c") -> str:
    """JSON is YAML."""
    file = folder / "kubeconfig"
    file.write_text(
        json.dumps(
            {
                "current-context": name,
                "clusters": [{"name": name, "cluster": {"server": server}}],
                "users": [{"name": name, "user": user or {"token": "t"}}],
                "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            }
        )
    )
    return str(file)


STATUS = json.dumps(
    {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": f"{HOSTILE}\nquarterdeck: all is well"}
).encode()


SNAPSHOT, SCALE = ("snapshot", "--wait", "20"), ("scale", "deployment/chat", "2", "--wait", "20")


@pytest.mark.parametrize(
    ("words", "status", "body", "code"),
    [
        (SNAPSHOT, 403, STATUS, exit_codes.PROBLEM),
        (SCALE, 401, STATUS, exit_codes.UNREACHABLE),
        (SCALE, 500, HOSTILE.encode(), exit_codes.UNREACHABLE),
        (SNAPSHOT, 200, HOSTILE.encode(), exit_codes.UNREACHABLE),
    ],
)
def test_an_api_server(words: tuple[str, ...], status: int, body: bytes, code: int, tmp_path: Path) -> None:
    with liar(status, body, "application/json") as server:
        done = ours(*words, KUBECONFIG=kubeconfig(tmp_path, server))
    text = assert_harmless(done)
    assert done.returncode == code, text
    if words is SNAPSHOT:
        assert "pods not known" in text
        assert "which pods there are is not known" in text


def test_what_an_api_server_says_is_told_all_the_same(tmp_path: Path) -> None:
    with liar(403, STATUS, "application/json") as server:
        text = assert_harmless(ours("doctor", "--json", KUBECONFIG=kubeconfig(tmp_path, server)))
    assert "oops" in text


def test_a_prometheus(tmp_path: Path) -> None:
    body = json.dumps({"status": "error", "errorType": "bad_data", "error": HOSTILE}).encode()
    with liar(400, body, "application/json") as url:
        done = ours("snapshot", "--wait", "2", "--prometheus", url, KUBECONFIG=kubeconfig(tmp_path, url))
    assert_harmless(done)


def test_a_credential_plugin_does_not_get_the_terminal(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    talk = f"{HOSTILE}\n{HOSTILE}"
    plugin.write_text(f"#!{sys.executable}\nimport sys\nsys.stderr.write({talk!r})\nsys.exit(3)\n")
    plugin.chmod(0o755)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}}
    user["exec"]["interactiveMode"] = "Never"
    text = assert_harmless(ours(*SCALE, KUBECONFIG=kubeconfig(tmp_path, "http://127.0.0.1:1", user)))
    assert "exit 3" in text
    assert "all is well" in text


def test_names_in_a_kubeconfig(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path, "http://127.0.0.1:1", name=HOSTILE)
    for words in (["snapshot", "--wait", "1"], ["snapshot", "--context", f"no{HOSTILE}"]):
        assert "oops" in assert_harmless(ours(*words, KUBECONFIG=file))


@pytest.mark.parametrize(
    "text",
    [
        f"{json.dumps(HOSTILE)} = 1\n",
        f"[cluster]\ncontext = {json.dumps(HOSTILE)}\n",
        f"[prometheus]\nurl = {json.dumps(HOSTILE)}\n",
        f"[keys]\n{json.dumps(HOSTILE)} = {json.dumps(HOSTILE)}\n",
        f"[prometheus.headers]\n{json.dumps(HOSTILE)} = {{ env = {json.dumps(HOSTILE)} }}\n",
        f"x = {HOSTILE}\n",
    ],
)
def test_a_configuration(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text.replace("\\u007f", "\\u007f"), encoding="utf-8")
    assert_harmless(ours("config", "show", "--config", str(file)))


@pytest.mark.parametrize(
    "words",
    [
        [HOSTILE],
        [f"--{HOSTILE}"],
        ["snapshot", HOSTILE],
        ["scale", "x", "--replicas", HOSTILE],
        ["audit", "show", "--since", HOSTILE],
        ["audit", "show", "--dir", f"/nowhere/{HOSTILE}"],
        ["--theme", HOSTILE],
        ["local", "logs", HOSTILE],
        ["demo", "--scenario", HOSTILE],
        ["snapshot", "--config", f"/nowhere/{HOSTILE}"],
        ["config", "path", "--config", HOSTILE],
        ["snapshot", "--kubeconfig", f"/nowhere/{HOSTILE}"],
    ],
)
def test_words_of_whoever_called_us(words: list[str]) -> None:
    assert "oops" in assert_harmless(ours(*words))


@pytest.mark.parametrize(
    "words", [["show"], ["show", "--json"], ["export"], ["export", "--format", "csv"], ["export", "--format", "html"]]
)
def test_records_of_an_audit_log(words: list[str], tmp_path: Path) -> None:
    log = log_in(tmp_path / "audit")
    log.append("intent", "b1", intent(HOSTILE, title=HOSTILE, kind="drain", reason=HOSTILE))
    log.append("sending", "b1", PATCH | {"path": HOSTILE})
    done = ours("audit", *words, "--dir", str(tmp_path / "audit"))
    # Rows of CSV end as RFC 4180 says, which is harmless.
    done.stdout = done.stdout.replace(b"\r\n", b"\n")
    assert "oops" in assert_harmless(done)
    if "--json" in words or words == ["export"]:
        assert json.loads(done.stdout)["actions"]


def test_a_crash_and_its_report(tmp_path: Path) -> None:
    code = (
        "import sys, console.main as m, console.cli.dispatch as d\n"
        f"def boom(*_): raise ValueError({HOSTILE!r})\n"
        "d.dispatch = boom\n"
        f"sys.exit(m.main(['snapshot', {HOSTILE!r}]))"
    )
    state = {"XDG_STATE_HOME": str(tmp_path), "QUARTERDECK_DEBUG": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, env=dict(os.environ) | state, timeout=60
    )
    assert done.returncode == 1
    assert not STEERS.search(done.stderr.decode())
    (report,) = tmp_path.rglob("crash-*")
    assert "oops" in report.read_text()
    assert not STEERS.search(report.read_text())


@pytest.mark.parametrize(
    "write",
    [
        "print(x)",
        "sys.stdout.writelines([x])",
        "print(x, file=sys.stderr)",
        "warnings.warn(x)",
        "logging.getLogger('kubernetes').error(x)",
        "traceback.print_exception(ValueError(x))",
        "argparse.ArgumentParser(prog=x).print_help()",
        "threading.Thread(target=int, args=(x,)).start()",
        "sys.excepthook(ValueError, ValueError(x), None)",
    ],
)
def test_whoever_writes(write: str) -> None:
    code = f"""
import argparse, logging, sys, threading, traceback, warnings
from console.cli import streams
streams.prepare()
x = {HOSTILE!r}
{write}
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60)
    output = done.stdout.decode() + done.stderr.decode()
    assert "oops" in output
    assert not STEERS.search(output), ascii(output)


def test_what_is_harmless_stays_as_it_is() -> None:
    text = "a\tb  c\n\nüñí 模型 😀 é\n"
    assert harmless(text) == text


def test_a_document_is_the_same_one(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    value = {"a": HOSTILE + "\U000e0001 ü \ud83d"}
    document(json.dumps(value, ensure_ascii=False, indent=1))
    written = capfdbinary.readouterr().out
    assert not STEERS.search(written.decode())
    assert json.loads(written) == value


def test_rows_of_a_table_keep_their_ends(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    page("a,b\r\n\rc\x1b[2Jd,e\r\n")
    assert capfdbinary.readouterr().out == b"a,b\r\n cd,e\r\n"
