"""Name, port and address of a server."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from contextlib import closing, suppress

import psutil

from actions.planning.plan import Check, Verdict
from fleet.local.server import ServerState
from fleet.local.spec import LaunchSpec

NEARBY = 100
"""Number of following ports that are tried as an alternative."""


def check_name(spec: LaunchSpec, servers: Sequence[ServerState], instead_of: str = "") -> Check:
    """Check that no other server has the name; ``instead_of`` is the id of the server that this one replaces."""
    other = next((state for state in servers if state.name == spec.name and state.record.id != instead_of), None)
    if other is None:
        return Check("name", Verdict.PASS, f"{spec.name} is free")
    if other.alive:
        what = f"{spec.name} runs already ({other.stage.phase.value} at {other.record.spec.url})"
        return Check("name", Verdict.BLOCK, what, "choose another name (--name), or restart that one")
    return Check("name", Verdict.WARN, f"the dead server {spec.name} is replaced, and its log is kept")


def check_port(spec: LaunchSpec, servers: Sequence[ServerState], instead_of: str = "") -> Check:
    """Check that the port is available. That of the replaced server will be free by then."""
    mine = next((state for state in servers if state.record.id == instead_of), None)
    if mine is not None and mine.alive and mine.record.spec.port == spec.port:
        return Check("port", Verdict.PASS, f"{spec.port} is its own")
    # A loading server has bound its port but does not listen yet: a probe would find it free.
    taken = {state.record.spec.port: state.name for state in servers if state.alive and state is not mine}
    problem = why_not(spec.host, spec.port)
    if not problem and spec.port in taken:
        problem = f"{spec.host}:{spec.port} is taken by the server {taken[spec.port]}"
    if not problem:
        return Check("port", Verdict.PASS, f"{spec.host}:{spec.port} is free")
    nearby = (port for port in range(spec.port + 1, spec.port + NEARBY) if port not in taken)
    free = next((port for port in nearby if not why_not(spec.host, port)), None)
    fix = f"--port {free} is free" if free is not None and "not an address" not in problem else ""
    return Check("port", Verdict.BLOCK, problem, fix)


def why_not(host: str, port: int) -> str:
    """Return why the address cannot be bound now, in words; empty if it can."""
    if not 0 < port < 65536:
        return f"{port} is not a port: ports are 1 to 65535"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with closing(socket.socket(family, kind, protocol)) as probe:
            # As servers do: a connection that is still closing does not hold the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"{host}:{port} is taken{_listener(port)}"
        if error.errno == errno.EACCES:
            return f"port {port} is reserved for the administrator"
        if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
            return f"{host} is not an address of this machine"
        return f"{host}:{port} cannot be listened at: {error.strerror or error}"
    return ""


def _listener(port: int) -> str:
    """Return the process that listens there, as far as this login may see."""
    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.status != psutil.CONN_LISTEN or not connection.laddr or not connection.pid:
                continue
            if connection.laddr.port == port:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""


def check_address(spec: LaunchSpec) -> Check:
    """Check who can reach it. It always requires an API key."""
    about = "address"
    if spec.is_loopback:
        return Check(about, Verdict.PASS, f"{spec.host}: only this machine can reach it; it requires an API key")
    reach = "every network of this machine" if spec.host in ("0.0.0.0", "::") else spec.host
    what = f"others can reach it through {reach}, unencrypted; /v1 requires the API key, /metrics and /health do not"
    return Check(about, Verdict.WARN, what, f"omit --host: {'::1' if ':' in spec.host else '127.0.0.1'}")
