"""The API server: authentication, authorization, routing, and the bodies of answers."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from aiohttp import web

from simulator.api import discovery, errors, openapi, prometheus, protobuf, reviews
from simulator.api.errors import ApiError, PathNotFoundError
from simulator.api.eviction import evict
from simulator.api.pods import PodServer
from simulator.api.rbac import ANONYMOUS, Attributes, Authorizer, User
from simulator.api.reads import BOOKMARK_EVERY, Reader, Selection
from simulator.api.requests import ListOptions, Target, form_of, target_of
from simulator.api.resources import RESOURCES, Catalogue, Resource
from simulator.api.writes import Options, Writes, Written
from simulator.interfaces import World
from simulator.objects import timestamp
from simulator.store import Store

_HEALTH = ("/healthz", "/livez", "/readyz")


class ApiServer:
    """Serves a store and the world behind it to holders of a token."""

    def __init__(
        self,
        store: Store,
        world: World,
        tokens: Mapping[str, User],
        *,
        resources: Sequence[Resource] = RESOURCES,
        bookmark_every: float = BOOKMARK_EVERY,
    ) -> None:
        self._store = store
        self._world = world
        self._tokens = tokens
        self._catalogue = Catalogue(resources)
        self._authorizer = Authorizer(store)
        self._reader = Reader(store, world.clock.now, bookmark_every)
        self._pods = PodServer(store, world)
        self._writes = Writes(store, world)

    def app(self) -> web.Application:
        """The aiohttp application; run it with handler_cancellation, so that watches end with their clients."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        return app

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        headers = {"Audit-Id": str(uuid.uuid4()), "Cache-Control": "no-cache, private"}
        try:
            response = await self._answer(request, headers)
        except ApiError as error:
            response = _json(error.status(), error.code)
            response.headers.update(error.headers)
        except PathNotFoundError:
            response = web.Response(text="404 page not found\n", status=404)
        if not response.prepared:
            response.headers.update(headers)
        return response

    async def _answer(self, request: web.Request, headers: dict[str, str]) -> web.StreamResponse:
        user = self._authenticate(request)
        target = target_of(request.path)
        if target is None:
            return self._not_a_resource(request, self._impersonated(request, user, None))
        options = ListOptions.parse(request.query) if not target.name else None
        verb = target.verb(request.method, watch=options is not None and options.watch)
        user = self._impersonated(request, user, target.attributes(verb))
        self._authorize(user, target.attributes(verb))
        resource = self._catalogue.find(target.group, target.version, target.resource)
        if resource is None:
            raise PathNotFoundError
        if target.subresource:
            return await self._subresource(request, headers, target, resource, verb)
        if verb not in resource.verbs:
            raise errors.method_not_allowed()
        if verb in ("create", "update", "patch", "delete") and resource.kind not in reviews.KINDS:
            return await self._write(request, target, resource, verb)
        if verb == "create":
            now = timestamp(self._world.clock.now())
            given = await _body(request)
            return _json(reviews.answer(resource, given, user, self._authorizer, now), 201)
        form = form_of(request.headers.get("Accept", ""))
        if options is None:
            view = self._reader.view(resource, form, request.query.get("includeObject", "Metadata"))
            entry = self._reader.find(resource, target.namespace, target.name)
            return _raw(view.document(entry))
        view = self._reader.view(resource, form, options.include_object)
        selection = Selection.parse(resource, target.namespace, options)
        if options.watch:
            lines = self._reader.watch(view, selection, options)
            return await self._stream(request, headers, "application/json", lines)
        return _raw(b"".join(await self._reader.page(view, selection, options)))

    def _authenticate(self, request: web.Request) -> User:
        header = request.headers.get("Authorization", "")
        if not header:
            return ANONYMOUS
        scheme, _, token = header.partition(" ")
        user = self._tokens.get(token.strip()) if scheme.lower() == "bearer" else None
        if user is None:
            raise errors.unauthorized()
        return user

    def _impersonated(self, request: web.Request, user: User, asked: Attributes | None) -> User:
        name = request.headers.get("Impersonate-User")
        if not name:
            return user
        if self._authorizer.allow(user, Attributes("impersonate", resource="users", name=name)) is None:
            # Kubernetes 1.36 names the constrained form of the permission.
            wanted = asked or Attributes(request.method.lower(), path=request.path)
            raise errors.forbidden(user.name, replace(wanted, verb=f"impersonate-on:user-info:{wanted.verb}"))
        groups = (*request.headers.getall("Impersonate-Group", []), "system:authenticated")
        return User(name, tuple(dict.fromkeys(groups)))

    def _authorize(self, user: User, asked: Attributes) -> None:
        if self._authorizer.allow(user, asked) is None:
            raise errors.forbidden(user.name, asked)

    def _not_a_resource(self, request: web.Request, user: User) -> web.Response:
        self._authorize(user, Attributes(request.method.lower(), path=request.path))
        if request.path in _HEALTH:
            return web.Response(text="ok")
        if request.path == prometheus.PATH:
            return _json(prometheus.targets(self._store, request.query.get("port", "")))
        if request.path.startswith(openapi.ROOT):
            spec = openapi.document(self._catalogue, request.path)
            if spec is None:
                raise PathNotFoundError
            return _json(spec)
        aggregated = "as=APIGroupDiscoveryList" in request.headers.get("Accept", "")
        address = request.host
        found = discovery.document(self._catalogue, request.path, aggregated=aggregated, address=address)
        if found is None:
            raise PathNotFoundError
        content_type = discovery.AGGREGATED if found.get("kind") == "APIGroupDiscoveryList" else None
        return _json(found, content_type=content_type)

    async def _subresource(
        self, request: web.Request, headers: dict[str, str], target: Target, resource: Resource, verb: str
    ) -> web.StreamResponse:
        sub = resource.subresource(target.subresource)
        if sub is None:
            raise PathNotFoundError
        if verb not in sub.verbs:
            raise errors.method_not_allowed()
        if sub.name == "proxy":
            path = target.rest + (f"?{request.query_string}" if request.query_string else "")
            answer = await self._pods.proxy(target, request.method, path, await request.read())
            return _raw(answer.body, answer.status, answer.content_type)
        entry = self._reader.find(resource, target.namespace, target.name)
        if sub.name == "eviction":
            evict(self._store, self._world, entry.obj, await _body(request), dry_run=_options(request).dry_run)
            return _json({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}, 201)
        if verb in ("patch", "update"):
            return await self._write(request, target, resource, verb)
        if sub.name == "log":
            lines = self._pods.log(entry.obj, request.query)
            return await self._stream(request, headers, "text/plain", lines)
        if sub.name == "scale":
            return _json(scale_of(entry.obj))
        view = self._reader.view(resource, form_of(request.headers.get("Accept", "")))
        return _raw(view.document(entry))

    async def _write(self, request: web.Request, target: Target, resource: Resource, verb: str) -> web.Response:
        options = _options(request)
        if verb == "delete":
            given = await _body(request) if request.can_read_body else {}
            return _json(self._writes.delete(resource, target, given, options))
        if target.subresource == "scale":
            body, media = await request.read(), request.content_type
            written = self._writes.scale(resource, target, body, media, options)
            return _json(scale_of(written.obj))
        if verb == "patch":
            written = self._writes.patch(resource, target, await request.read(), request.content_type, options)
        elif verb == "create":
            written = self._writes.create(resource, target.namespace, await _body(request), options)
        else:
            written = self._writes.update(resource, target, await _body(request), options)
        return _written(resource, written)

    async def _stream(
        self, request: web.Request, headers: dict[str, str], content_type: str, lines: AsyncIterator[bytes]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers)
        response.content_type = content_type
        response.enable_chunked_encoding()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):  # the client left
            async for line in lines:
                await response.write(line)
            await response.write_eof()
        return response


def scale_of(workload: dict[str, Any]) -> dict[str, Any]:
    """The autoscaling/v1 Scale of a workload; Go leaves out replicas that are 0."""
    metadata = workload["metadata"]
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    replicas = workload["spec"].get("replicas", 1)
    state = workload.get("status", {})
    # A custom resource names its pods in its status, a workload of apps/v1 by its selector.
    labels = workload["spec"].get("selector", {}).get("matchLabels", {})
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    status = {"replicas": state.get("replicas", 0), "selector": state.get("selector") or selector}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in names if name in metadata},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def _options(request: web.Request) -> Options:
    return Options.parse(request.query, request.headers.get("User-Agent", ""))


def _written(resource: Resource, written: Written) -> web.Response:
    response = _json(resource.view(written.obj), 201 if written.created else 200)
    for warning in written.warnings:
        response.headers.add("Warning", f"299 - {orjson.dumps(warning).decode()}")
    return response


async def _body(request: web.Request) -> Any:
    body = await request.read()
    try:
        if request.content_type == protobuf.MEDIA_TYPE:
            return protobuf.decode(body)
        return orjson.loads(body)
    except ValueError as error:
        raise errors.bad_request(f"the body of the request cannot be read: {error}") from None


def _json(body: Any, status: int = 200, content_type: str | None = None) -> web.Response:
    return _raw(orjson.dumps(body) + b"\n", status, content_type or "application/json")


def _raw(body: bytes, status: int = 200, content_type: str = "application/json") -> web.Response:
    return web.Response(body=body, status=status, headers={"Content-Type": content_type})
