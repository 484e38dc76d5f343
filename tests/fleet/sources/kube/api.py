"""A small API server on loopback that plays faults exactly when a test says so.

It holds objects, hands them out in consistent pages and follows them in watches, as the real one does: one
resourceVersion for all, a history that can be compacted (410), bookmarks on demand. ``next`` replaces the answer to the
next matching request; everything asked is in ``requests``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

from fleet.sources.kube.kubeconfig import Access

Object = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Matcher = Callable[[web.Request], bool]

PODS = "/api/v1/pods"


def pod(name: str, namespace: str = "serving", **status: Any) -> Object:
    """A running pod of one container."""
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{namespace}-{name}"},
        "spec": {"containers": [{"name": "vllm", "image": "vllm/vllm-openai:v0.11.0"}], "nodeName": "node-1"},
        "status": {"phase": "Running", **status},
    }


def status(code: int, reason: str, message: str, **more: Any) -> Object:
    """A Status object of a failure."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    } | more


def is_watch(path: str = PODS) -> Matcher:
    """Matches the watch of a collection."""
    return lambda request: request.path == path and request.query.get("watch") == "1"


def is_list(path: str = PODS, page: int | None = None) -> Matcher:
    """Matches the list of a collection; ``page`` 0 is the first page, any other a page that continues."""

    def matches(request: web.Request) -> bool:
        paged = page is None or (page == 0) == ("continue" not in request.query)
        return request.path == path and "watch" not in request.query and paged

    return matches


def reply(code: int, body: Object | str, headers: Mapping[str, str] | None = None) -> Handler:
    """A handler with one fixed answer: JSON for a mapping, else plain text."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if isinstance(body, str):
            kind = "text/html" if body.lstrip().startswith("<") else "text/plain"
            return web.Response(status=code, text=body, content_type=kind, headers=headers)
        return web.json_response(body, status=code, headers=headers)

    return handle


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]

    @property
    def watch(self) -> bool:
        return self.query.get("watch") == "1"


@dataclass
class _Watch:
    request: web.Request
    path: str
    queue: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    deaf: bool = False


class Api:
    """The server. Use as an async context manager."""

    def __init__(self) -> None:
        self.version = 100
        self.floor = 0
        """Watches from below this version are refused with 410."""
        self.requests: list[Asked] = []
        self.user = {"username": "tester", "groups": ["system:authenticated"]}
        self.denied: set[str] = set()
        """Paths that answer 403."""
        self.absent: set[str] = set()
        """Namespaces that do not exist; all others do."""
        self.tokens: set[str] | None = None
        """Bearer tokens that are accepted; None for any, or none at all."""
        self.hang = False
        """Take requests and answer nothing, as a network that swallows packets looks from here."""
        self.objects: dict[str, dict[tuple[str, str], Object]] = {PODS: {}}
        """Collection path (of all namespaces) → (namespace, name) → object."""
        self.page_snapshots: dict[str, tuple[int, list[Object]]] = {}
        self._history: list[tuple[int, str, str, Object]] = []
        self._watches: list[_Watch] = []
        self._overrides: list[tuple[Matcher, Handler]] = []
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.down()

    async def up(self) -> None:
        """Listen; on the same port as before where there was one."""
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = int(self._runner.addresses[0][1])

    async def down(self) -> None:
        """Stop listening and cut all connections."""
        self.drop_watches()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def access(self, user: Mapping[str, Any] | None = None, namespace: str = "") -> Access:
        """Return the access to this server."""
        server = f"http://127.0.0.1:{self.port}"
        return Access("test", "test", "tester", namespace, server, {"server": server}, dict(user or {}))

    def next(self, matcher: Matcher, handler: Handler, times: int = 1) -> None:
        """Answer the next ``times`` matching requests with ``handler``."""
        self._overrides += [(matcher, handler)] * times

    def hold(self, matcher: Matcher) -> asyncio.Event:
        """Answer the next matching request of a collection as usual, and not before the event is set."""
        let_go = asyncio.Event()

        async def handle(request: web.Request) -> web.StreamResponse:
            await let_go.wait()
            return await self._collection(request)

        self.next(matcher, handle)
        return let_go

    def recover(self) -> None:
        """Answer as usual again, and forget scripted answers."""
        self._overrides.clear()

    def put(self, raw: Object, path: str = PODS) -> None:
        """Create or update an object."""
        self.version += 1
        raw = {**raw, "metadata": {**raw["metadata"], "resourceVersion": str(self.version)}}
        key = (raw["metadata"].get("namespace", ""), raw["metadata"]["name"])
        kind = "MODIFIED" if key in self.objects.setdefault(path, {}) else "ADDED"
        self.objects[path][key] = raw
        self._publish(path, kind, raw)

    def delete(self, name: str, namespace: str = "serving", path: str = PODS) -> None:
        """Delete an object."""
        self.version += 1
        raw = self.objects[path].pop((namespace, name))
        raw = {**raw, "metadata": {**raw["metadata"], "resourceVersion": str(self.version)}}
        self._publish(path, "DELETED", raw)

    def names(self, path: str = PODS) -> dict[str, str]:
        """Return the expected content of a mirror: ``namespace/name`` → resourceVersion."""
        return {
            "/".join(filter(None, key)): raw["metadata"]["resourceVersion"] for key, raw in self.objects[path].items()
        }

    def compact(self) -> None:
        """Forget the history and the pages under way: 410 for whoever comes back with an older version."""
        self.version += 1
        self.floor = self.version
        self._history.clear()
        self.page_snapshots.clear()

    def restore(self, version: int, path: str = PODS) -> None:
        """Go back to a backup without objects, in which the version was ``version``; open watches hear nothing more."""
        self.version = version
        self.objects[path] = {}
        self._history.clear()
        for watch in self._watches:
            watch.deaf = True

    def bookmark(self, path: str = PODS) -> None:
        """Send a bookmark of the current version."""
        raw = {"kind": "Pod", "apiVersion": "v1", "metadata": {"resourceVersion": str(self.version)}, "spec": {}}
        self._send(path, "BOOKMARK", raw)

    def send_raw(self, line: bytes, path: str = PODS) -> None:
        """Put bytes on the watches of a collection as they are."""
        for watch in self._watches:
            if watch.path == path and not watch.deaf:
                watch.queue.put_nowait(line)

    def drop_watches(self) -> None:
        """Cut the connections of all watches, without a goodbye."""
        for watch in list(self._watches):
            transport = watch.request.transport
            if transport is not None:
                transport.abort()
            watch.queue.put_nowait(None)

    def end_watches(self) -> None:
        """End all watches as timeoutSeconds does: properly."""
        for watch in list(self._watches):
            watch.queue.put_nowait(None)

    @property
    def watching(self) -> int:
        """Number of open watches."""
        return len(self._watches)

    def _publish(self, path: str, kind: str, raw: Object) -> None:
        self._history.append((self.version, path, kind, raw))
        self._send(path, kind, raw)

    def _send(self, path: str, kind: str, raw: Object) -> None:
        self.send_raw(json.dumps({"type": kind, "object": raw}).encode() + b"\n", path)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("User-Agent", "").startswith("Prometheus/"):
            # A client of another test may still query the former owner of this port.
            return web.Response(status=404)
        self.requests.append(Asked(request.method, request.path, dict(request.query), dict(request.headers)))
        if self.hang:
            await asyncio.Event().wait()
        for number, (matcher, handler) in enumerate(self._overrides):
            if matcher(request):
                del self._overrides[number]
                return await handler(request)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.tokens is not None and token not in self.tokens:
            return web.json_response(status(401, "Unauthorized", "Unauthorized"), status=401)
        if request.path in self.denied:
            return web.json_response(status(403, "Forbidden", f"{request.path} is forbidden"), status=403)
        if request.path == "/version":
            return web.json_response({"gitVersion": "v1.36.0"})
        if request.path.endswith("/selfsubjectreviews"):
            return web.json_response({"kind": "SelfSubjectReview", "status": {"userInfo": self.user}}, status=201)
        *above, name = request.path.split("/")
        if above == ["", "api", "v1", "namespaces"]:
            code = 404 if name in self.absent else 200
            return web.json_response(status(code, "NotFound", f'namespaces "{name}" not found'), status=code)
        if any(path.rpartition("/")[0] == request.path for path in self.objects):
            return web.json_response({"kind": "APIResourceList", "resources": []})
        return await self._collection(request)

    async def _collection(self, request: web.Request) -> web.StreamResponse:
        path, namespace = request.path, ""
        parts = path.split("/")
        if "namespaces" in parts[:-1]:
            at = parts.index("namespaces")
            namespace = parts[at + 1]
            path = "/".join(parts[:at] + parts[at + 2 :])
        if path not in self.objects:
            return web.Response(status=404, text="404 page not found\n")
        if request.query.get("watch") == "1":
            return await self._watch(request, path, namespace)
        return self._list(request, path, namespace)

    def _list(self, request: web.Request, path: str, namespace: str) -> web.StreamResponse:
        token = request.query.get("continue", "")
        if token:
            if token not in self.page_snapshots:
                return web.json_response(status(410, "Expired", "continue is too old"), status=410)
            version, rest = self.page_snapshots[token]
        else:
            version = self.version
            rest = [raw for key, raw in sorted(self.objects[path].items()) if not namespace or key[0] == namespace]
        limit = int(request.query.get("limit", "0")) or len(rest)
        metadata: Object = {"resourceVersion": str(version)}
        if len(rest) > limit:
            metadata["remainingItemCount"] = len(rest) - limit
            metadata["continue"] = f"{version}-{len(rest)}-{len(self.requests)}"
            self.page_snapshots[metadata["continue"]] = (version, rest[limit:])
        return web.json_response({"kind": "List", "metadata": metadata, "items": rest[:limit]})

    async def _watch(self, request: web.Request, path: str, namespace: str) -> web.StreamResponse:
        start = int(request.query["resourceVersion"])
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        if start < self.floor:
            expired = status(410, "Expired", f"too old resource version: {start} ({self.floor})")
            await response.write(json.dumps({"type": "ERROR", "object": expired}).encode() + b"\n")
            return response
        watch = _Watch(request, path)
        for version, where, kind, raw in self._history:
            if version > start and where == path:
                watch.queue.put_nowait(json.dumps({"type": kind, "object": raw}).encode() + b"\n")
        self._watches.append(watch)
        try:
            while (line := await watch.queue.get()) is not None:
                if namespace and b'"namespace": "%s"' % namespace.encode() not in line:
                    continue
                await response.write(line)
        except ConnectionError:
            pass
        finally:
            self._watches.remove(watch)
        return response
