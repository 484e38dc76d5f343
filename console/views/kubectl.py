"""The kubectl command equivalent to what the console shows or does: to be copied to a ticket or another shell."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence

from actions.planning.plan import Mutation, Plan
from fleet.model.objects import ObjectRef

_PATCHES = {
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    "application/json-patch+json": "json",
}


def command(context: str, namespace: str, *words: str) -> str:
    """``kubectl --context C -n NS get …``, quoted for a shell."""
    where = ["--context", context] if context else []
    where += ["-n", namespace] if namespace else []
    return shlex.join(["kubectl", *where, *words])


def get(ref: ObjectRef, *flags: str) -> str:
    """An object as one row."""
    return command(ref.cluster.context, ref.namespace, "get", ref.kind.lower(), ref.name, *(flags or ("-o", "wide")))


def describe(ref: ObjectRef) -> str:
    """An object with its events."""
    return command(ref.cluster.context, ref.namespace, "describe", ref.kind.lower(), ref.name)


def logs(ref: ObjectRef, container: str, *, previous: bool, since: int, tail: int) -> str:
    """The log of a container."""
    flags = ["--previous"] if previous else ["-f"]
    flags += [f"--since={since}s"] if since else [f"--tail={tail}"]
    return command(ref.cluster.context, ref.namespace, "logs", ref.name, "-c", container, *flags)


def last_logs(ref: ObjectRef, container: str, *, previous: bool) -> str:
    """The end of a container's log; of the one before it restarted where ``previous``."""
    flags = ["--tail=200", "--timestamps", *(["--previous"] if previous else [])]
    return command(ref.cluster.context, ref.namespace, "logs", ref.name, *(["-c", container] * bool(container)), *flags)


def listing(context: str, namespace: str, resource: str) -> str:
    """The objects of a resource; of all namespaces where none is named."""
    return command(context, namespace, "get", resource, *([] if namespace else ["-A"]))


def of_plan(plan: Plan) -> str:
    """Return the requests of a plan as commands, a line each; raw requests if kubectl has no command. Empty for
    none.
    """
    return "\n".join(_of_mutations(plan.scope.context, plan.mutations))


def _of_mutations(context: str, mutations: Sequence[Mutation]) -> Iterator[str]:
    for mutation in mutations:
        namespace, resource, name, sub = _parts(mutation.path)
        body = json.dumps(mutation.body, ensure_ascii=False, separators=(",", ":")) if mutation.body is not None else ""
        if not resource:
            continue
        if mutation.method == "PATCH" and mutation.content_type in _PATCHES:
            flags = ["--type", _PATCHES[mutation.content_type], "-p", body]
            flags += ["--subresource", sub] if sub else []
            yield command(context, namespace, "patch", resource, name, *flags)
        elif mutation.method == "DELETE":
            yield command(context, namespace, "delete", resource, name)
        elif mutation.method == "POST" and body:
            yield f"echo {shlex.quote(body)} | {command(context, '', 'create', '--raw', mutation.path, '-f', '-')}"


def _parts(path: str) -> tuple[str, str, str, str]:
    """Return (namespace, resource, name, subresource) of an API path; empty for another path (another server's URL)."""
    words = path.strip("/").split("/")
    root = {"api": 2, "apis": 3}.get(words[0])
    if root is None or len(words) < root + 1:
        return "", "", "", ""
    group = words[1] if root == 3 else ""
    rest = words[root:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    resource, name, sub = (*rest, "", "")[:3]
    return namespace, f"{resource}.{group}" if group else resource, name, sub
