"""The single way out to the network: the source of all rooms is searched for a second one."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from tests.trees import files, nodes

ROOT = Path(__file__).parents[1]
ROOMS = ("actions", "console", "fleet", "themes", "widgets")

SESSIONS = {
    "fleet/net/http.py": "the few calls per engine: GuardedTransport asks the guard about each request, redirects too",
    "fleet/net/plain_client.py": "the scrape and the first questions: PlainClient.ask asks the guard",
    "fleet/sources/kube/session.py": "for KubeClient alone, whose guard sees each request in _attempt",
    "fleet/sources/kube/socks.py": "under that session, through a SOCKS proxy: it connects, and sends nothing itself",
    "fleet/sources/scrape/fetch.py": "the scrape: ScrapeSource asks the guard in _fetch",
    "fleet/sources/scrape/collector.py": "finds out whether pod addresses can be reached: connects, and sends nothing",
    "fleet/sources/prometheus/session.py": "Prometheus: the adapter's send asks the guard, for each redirect too",
}
"""The only files that open connections, and where their guard stands."""
CLIENTS = {
    "ClientSession",
    "_create_pool_manager",
    "Session",
    "HTTPAdapter",
    "PoolManager",
    "HTTPConnection",
    "HTTPSConnection",
    "AsyncClient",
    "AsyncHTTPTransport",
    "HTTPTransport",
    "Client",
    "urlopen",
    "create_connection",
    "open_connection",
    "open_unix_connection",
    "ApiClient",
    "from_url",
}
"""Calls that open a connection, by last name, in our dependencies and the standard library."""
PROCESSES = {
    "console/cli/web/child.py": "the console itself, read-only, for one browser",
    "console/wiring/demo.py": "the simulated fleet: a process of ours that belongs to looking at it",
    "fleet/sources/kube/plugin_process.py": "a kubeconfig's credential plugin: without it nothing could be read",
    "actions/local/spawn.py": "servers on this machine and their benchmarks: asks guard.may_start before anything else",
}
SIGNALS = {
    "actions/audit/process.py": "signal 0, which asks whether a process is there and reaches none",
    "actions/local/spawn.py": "ends what it runs itself",
    "fleet/sources/kube/plugin_process.py": "ends the credential plugin that it runs, with all that this started",
    "actions/local/executor.py": "what was confirmed: asks guard.may_start, and whether it is the process meant",
}
"""The only files that signal processes."""
STARTS = {
    "Popen",
    "run",
    "call",
    "check_call",
    "check_output",
    "create_subprocess_exec",
    "create_subprocess_shell",
    "subprocess_exec",
    "subprocess_shell",
    "system",
    "popen",
    "fork",
    "posix_spawn",
    "execv",
    "execve",
    "execvp",
    "spawnv",
}
OF_PROCESSES = {"subprocess", "os", "asyncio", "loop", "_loop"}


@cache
def sources() -> tuple[tuple[str, tuple[ast.AST, ...]], ...]:
    """Each file of the rooms with all nodes of its tree."""
    return tuple((file.relative_to(ROOT).as_posix(), nodes(file)) for room in ROOMS for file in files(room))


@cache
def calls() -> tuple[tuple[str, str, str], ...]:
    """The file, the name that is called in it, and the name in front of that one."""
    return tuple((file, name, before) for file, nodes in sources() for name, before in _calls(nodes))


def _calls(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module == "subprocess":
            # By whatever name it is called then.
            yield "Popen", "subprocess"
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                before = node.func.value
                yield node.func.attr, before.id if isinstance(before, ast.Name) else ""
            elif isinstance(node.func, ast.Name):
                yield node.func.id, ""


def test_connections_are_opened_where_a_guard_stands_and_nowhere_else() -> None:
    found = {file for file, name, _ in calls() if name in CLIENTS}
    assert found == set(SESSIONS)


def test_processes_are_started_by_what_reads_and_by_nothing_else() -> None:
    found = {file for file, name, module in calls() if name in STARTS and module in OF_PROCESSES}
    runs_a_loop = {file for file, name, module in calls() if (module, name) == ("asyncio", "run")} - {
        file for file, name, module in calls() if module in {"subprocess", "os"} and name in STARTS
    }
    assert found - {"console/session/cluster_session.py", "console/cli/one_snapshot.py"} <= set(PROCESSES) | runs_a_loop
    assert set(PROCESSES) <= found


def test_processes_are_signalled_by_the_actions_on_this_machine_alone() -> None:
    found = {file for file, name, module in calls() if name in {"kill", "killpg"} and module == "os"}
    assert found == set(SIGNALS)


def users(guard: str) -> set[str]:
    """The files that name a guard of the door, by whatever way."""
    return {
        file
        for file, nodes in sources()
        for node in nodes
        if (isinstance(node, ast.Name) and node.id == guard)
        or (isinstance(node, ast.Attribute) and node.attr == guard)
        or (isinstance(node, ast.ImportFrom) and any(alias.name == guard for alias in node.names))
    }


def test_only_the_actions_client_may_change_anything() -> None:
    assert users("may_change") == {"console/wiring/actions.py"}


def test_only_a_word_with_a_server_and_the_canary_put_prompts_to_an_engine() -> None:
    assert users("may_ask") == {"actions/local/prompt.py", "actions/canary/question.py"}


def test_nobody_but_a_dispatched_command_shuts_the_door_and_nobody_opens_it() -> None:
    writers = {
        file
        for file, nodes in sources()
        for node in nodes
        if isinstance(node, ast.Attribute | ast.Name)
        and isinstance(node.ctx, ast.Store)
        and (node.attr if isinstance(node, ast.Attribute) else node.id) == "_allowed"
    }
    assert writers == {"fleet/guard.py"}
