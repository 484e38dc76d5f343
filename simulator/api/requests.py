"""The meaning of a request, read from its path, query and headers before any lookup."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from simulator.api import errors
from simulator.api.rbac import Attributes
from simulator.store import Key

_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Target:
    """The resource, object or subresource that a path names."""

    group: str
    version: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""
    """The path behind a proxy subresource, with its leading slash."""

    def verb(self, method: str, *, watch: bool) -> str:
        """Return RBAC's verb of the request."""
        verb = _VERBS.get(method, method.lower())
        if not self.name and verb == "get":
            return "watch" if watch else "list"
        return "deletecollection" if not self.name and verb == "delete" else verb

    def attributes(self, verb: str) -> Attributes:
        """The question for the authorizer."""
        return Attributes(verb, self.group, self.resource, self.subresource, self.namespace, self.name)


def target_of(path: str) -> Target | None:
    """The target of a path; None where the path names no resource (discovery, health)."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) >= 3:
        group, version, parts = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, parts = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if parts[0] == "namespaces" and len(parts) >= 2:
        namespace = parts[1]
        # /namespaces/x and its status are the Namespace itself; what is longer lies inside it.
        if len(parts) >= 3 and parts[2] not in ("status", "finalize"):
            parts = parts[2:]
    name, subresource, *more = [*parts[1:], "", ""][: max(2, len(parts) - 1)]
    if more and subresource != "proxy":
        return None
    rest = "/" + "/".join(more) if subresource == "proxy" else ""
    return Target(group, version, parts[0], namespace, name, subresource, rest)


class Form(Enum):
    """The representation requested by the Accept header."""

    OBJECT = ""
    TABLE = "Table"
    METADATA = "PartialObjectMetadata"


def form_of(accept: str) -> Form:
    """The first media type of the header that can be served. Raises ApiError 406."""
    for clause in (accept or "*/*").split(","):
        media, *parameters = (part.strip() for part in clause.split(";"))
        if media not in ("application/json", "application/*", "*/*"):
            continue
        given = dict(part.split("=", 1) for part in parameters if "=" in part)
        shape = given.get("as", "")
        if not shape:
            return Form.OBJECT
        if given.get("v") == "v1" and given.get("g") == "meta.k8s.io":
            if shape == "Table":
                return Form.TABLE
            if shape in ("PartialObjectMetadata", "PartialObjectMetadataList"):
                return Form.METADATA
    raise errors.not_acceptable()


@dataclass(frozen=True, slots=True)
class ListOptions:
    """The query of a list or watch."""

    labels: str
    fields: str
    limit: int
    token: str
    version: str
    match: str
    watch: bool
    bookmarks: bool
    initial_events: bool | None
    timeout: int
    include_object: str

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> ListOptions:
        """Read the query. Raises ApiError 400 for values of the wrong type, 422 for a contradiction."""
        initial = query.get("sendInitialEvents")
        options = cls(
            labels=query.get("labelSelector", ""),
            fields=query.get("fieldSelector", ""),
            limit=_integer(query, "limit"),
            token=query.get("continue", ""),
            version=query.get("resourceVersion", ""),
            match=query.get("resourceVersionMatch", ""),
            watch=_true(query, "watch"),
            bookmarks=_true(query, "allowWatchBookmarks"),
            initial_events=None if initial is None else _true(query, "sendInitialEvents"),
            timeout=_integer(query, "timeoutSeconds"),
            include_object=query.get("includeObject", "Metadata"),
        )
        if options.version and not options.version.isdecimal():
            raise errors.bad_request(f'invalid resource version "{options.version}"')
        if options.watch and initial is not None and options.match != "NotOlderThan":
            text = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            raise errors.invalid_list_options("resourceVersionMatch", text)
        return options


def _integer(query: Mapping[str, str], name: str) -> int:
    text = query.get(name) or "0"
    try:
        return int(text)
    except ValueError:
        raise errors.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _true(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "") not in ("", "0", "false", "False")


LATEST = -1
"""The resourceVersion of a continue token that continues inconsistently, with the current state."""


def continue_token(version: int, after: Key, namespace: str) -> str:
    """The token for the entries that follow `after` in the state of `version`."""
    start = after[1] if namespace else "/".join(part for part in after if part)
    body = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": start + "\0"}, separators=(",", ":"))
    return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


def read_token(token: str, namespace: str, *, namespaced: bool) -> tuple[int, Key]:
    """Return the resourceVersion of a continue token and the first key after which it continues.

    Raises ApiError 400 for an invalid token.
    """
    try:
        body: Any = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        version, start = int(body["rv"]), str(body["start"])
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise errors.bad_request(f"invalid continue token: continue key is not valid: {error}") from None
    start = start.lstrip("/")
    if namespace or not namespaced:
        return version, (namespace, start)
    first, _, name = start.partition("/")
    return version, (first, name)
