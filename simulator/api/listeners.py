"""The pods' own HTTP servers: each pod listens on its loopback address, as it would on the pod network."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import random
import socket
from collections.abc import Callable, Mapping

from aiohttp import web

from simulator.interfaces import Answer, Endpoint, World

Address = tuple[str, int]
_PREFIXES = range(64, 128)


class Prefix:
    """A /16 of the loopback network for the pods, which no other simulator of this machine uses."""

    def __init__(self, second: int, claim: socket.socket | None) -> None:
        self.text = f"127.{second}"
        self._claim = claim

    @property
    def usable(self) -> bool:
        """True if servers can listen on its addresses: on Linux yes; macOS has 127.0.0.1 only."""
        return self._claim is not None

    def release(self) -> None:
        """Release the prefix for others."""
        if self._claim is not None:
            self._claim.close()


def claim_prefix(port: int) -> Prefix:
    """Claim a free prefix by holding `port` on its first address, which belongs to no pod."""
    order = [77, *random.sample(_PREFIXES, len(_PREFIXES))]
    for second in order:
        claim = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            claim.bind((f"127.{second}.0.1", port))
        except OSError as error:
            claim.close()
            if error.errno != errno.EADDRINUSE:
                break
        else:
            return Prefix(second, claim)
    return Prefix(order[0], None)


class Listeners:
    """Keeps one server for every endpoint of the world."""

    def __init__(self, world: World, say: Callable[[str], None]) -> None:
        self._world = world
        self._say = say
        self._pods: dict[Address, Endpoint] = {}
        self._servers: dict[Address, asyncio.Server] = {}
        self._refused = False
        self._http = web.Server(self._answer, handler_cancellation=True, access_log=None)

    @property
    def addresses(self) -> Mapping[Address, Endpoint]:
        """The servers by the address that they listen on."""
        return self._pods

    async def follow(self) -> None:
        """Open and close servers to match the world's endpoints."""
        wanted = {(endpoint.ip, endpoint.port): endpoint for endpoint in self._world.endpoints()}
        for address in self._pods.keys() - wanted.keys():
            del self._pods[address]
            self._servers.pop(address).close()
        for address in wanted.keys() - self._pods.keys():
            if await self._open(address):
                self._pods[address] = wanted[address]
        for address in self._pods:
            self._pods[address] = wanted[address]

    async def _open(self, address: Address) -> bool:
        loop = asyncio.get_running_loop()
        try:
            self._servers[address] = await loop.create_server(self._http, *address)
        except OSError as error:
            if not self._refused:
                self._refused = True
                self._say(f"cannot listen on {address[0]}:{address[1]}: {error.strerror}")
                self._say("some pods are reached through the API server's proxy only")
            return False
        return True

    async def close(self) -> None:
        """End all servers and their connections."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()
        self._pods.clear()
        with contextlib.suppress(asyncio.CancelledError):
            await self._http.shutdown(0.1)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        transport = request.transport
        if transport is None:
            return web.Response(status=503)
        endpoint = self._pods.get(transport.get_extra_info("sockname")[:2])
        body = await request.read()
        try:
            answer = self._respond(endpoint, request, body)
        except ConnectionError:
            transport.abort()
            return web.Response(status=503)
        await asyncio.sleep(answer.delay / self._world.clock.speed)
        return web.Response(body=answer.body, status=answer.status, headers={"Content-Type": answer.content_type})

    def _respond(self, endpoint: Endpoint | None, request: web.BaseRequest, body: bytes) -> Answer:
        if endpoint is None:
            raise ConnectionError
        return self._world.respond(
            endpoint.namespace, endpoint.pod, endpoint.port, request.method, request.path_qs, body
        )
