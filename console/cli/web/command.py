"""The command: what is served and where, the address to open, and its end."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import secrets
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final

from console.cli import exit_codes, interruptible
from console.cli.command_table import COMMON_FLAGS
from console.cli.dispatch import Invocation, say
from fleet import guard

if TYPE_CHECKING:
    from console.cli.web.server import WebConsole

_MISSING: Final = (
    "the parts that serve browsers are not installed\n"
    "  pip install 'quarterdeck[web]', in the environment of this program."
)
_BITS: Final = 32
"""Bytes of a token."""


def run(invocation: Invocation) -> int:
    """Serve until Ctrl-C: exit 0; 2 if it cannot be served as requested."""
    options = invocation.options
    loaded = invocation.load()
    # Regardless of the configuration: the server for browsers changes nothing.
    guard.lock(loaded.policy.allow)
    if not _is_loopback(options.host) and options.cert is None:
        say(
            f"{options.host} can be reached from elsewhere, and without TLS anybody on the way could read the token\n"
            "  Give --cert and --key, or stay on 127.0.0.1 and come by ssh -L."
        )
        return exit_codes.USAGE
    try:
        tls = _tls(options.cert, options.key)
    except (OSError, ValueError) as error:
        # Files raise errors with a number in front; certificates have only words.
        why = getattr(error, "strerror", None) or error
        say(f"the certificate cannot be used: {why}\n  --cert is a PEM file with its chain, --key its private key.")
        return exit_codes.USAGE
    try:
        from console.cli.web.server import WebConsole
    except ImportError:
        say(_MISSING)
        return exit_codes.USAGE
    token = secrets.token_urlsafe(_BITS)
    served = WebConsole(token, flags_of(options), options.sessions, secure=tls is not None)
    try:
        return interruptible.run(_serve(served, options.host, options.port, tls, token))
    except OSError as error:
        say(
            f"{options.host} port {options.port} cannot be listened on: {error.strerror or error}\n"
            "  Name another --port, or --port 0 for any."
        )
        return exit_codes.USAGE


def flags_of(options: argparse.Namespace) -> tuple[str, ...]:
    """The flags of every command that were given, for the consoles of the sessions."""
    given = vars(options)
    flags: list[str] = []
    for flag in COMMON_FLAGS:
        long = flag.names[-1]
        name = "config_file" if long == "--config" else long.removeprefix("--").replace("-", "_")
        if name in given and long != "--read-only":
            flags.append(f"{long}={given[name]}" if flag.metavar else long)
    return tuple(flags)


async def _serve(served: WebConsole, host: str, port: int, tls: ssl.SSLContext | None, token: str) -> int:
    from aiohttp import web

    ended = asyncio.Event()
    interruptible.when_ended(ended.set)
    # No access log: the first request contains the token.
    runner = web.AppRunner(served.app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, ssl_context=tls)
        await site.start()
        bound = runner.addresses[0][1]
        print(f"{'https' if tls else 'http'}://{_name(host)}:{bound}/?token={token}", flush=True)
        tunnel = f"From elsewhere: ssh -L {bound}:{_name(host)}:{bound} THIS-HOST. " if _is_loopback(host) else ""
        say(
            "the console, read-only, in a browser: open that address; anybody with it can watch\n"
            f"  {tunnel}Ctrl-C ends it, and every session."
        )
        await ended.wait()
    finally:
        await runner.cleanup()
    return exit_codes.OK


def _name(host: str) -> str:
    """The name in the address: of this machine, where it listens on all of its addresses."""
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _tls(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """Return the TLS context. Raises OSError and ValueError (ssl.SSLError is an OSError) for unusable files."""
    if cert is None:
        if key is not None:
            raise ValueError("--key without --cert")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return context
