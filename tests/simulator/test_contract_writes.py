"""The recordings of a real API server that concern writing, replayed against the simulated one.

The state before each is made from the recordings: the object as the answer shows it with what the request writes taken
out again, or as another recording has it. Refusals are compared word for word; of the answers to successful writes what
the request wrote is compared, and that nothing else of the spec has changed.
"""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from simulator.api.resources import RESOURCES, resource
from tests.simulator.api_support import Server, pod, serving
from tests.simulator.test_contract_reads import RECORDINGS, load

Obj = dict[str, Any]

pytestmark = pytest.mark.contract

NOT_REPLAYED = {
    "scale_apply": "an apply to /scale conflicts with a manager of another apiVersion than the object's",
}
EMBEDS_THE_OBJECT = {"scale_strict_unknown_field", "scale_wrong_type_422"}
"""Recordings whose messages contain the whole object as Go prints it: only status and reason are compared."""
BASES = {
    "chat": "deployment_get",
    "tp4": "deployment_paused_get",
    "hpat": "hpa_list",
    "ref-exp-1": "node_cordoned_get",
    "sts": "statefulset_get",
    "e1": "crd_list",
}
"""Name → the recording that shows the object."""
STATES = {
    "deployment_apply_conflict_409": "scale_managedfields",
    "hpa_min_gt_max_422": "hpa_patch_minmax",
}
"""Recordings whose state is that of another moment."""
REFENGINE = resource(
    "ref.example.com/v1 refengines RefEngine",
    "Name, Replicas# spec.replicas",
    subresources="status scale",
    custom=True,
    maximum=8,
)
_UID = re.compile(r"UID in record \(([0-9a-f-]+)\)")
_VERSION = re.compile(r"ResourceVersion in record \((\d+)\)")
_BUDGET = re.compile(r"The disruption budget (\S+) (?:needs (\d+) healthy pods and has (\d+) currently|is still)")


def writing(name: str) -> bool:
    recording = load(name)
    request, status = recording["request"], recording["response"]["status"]
    return request["method"] != "GET" and "reviews" not in request["path"] and status != 403


NAMES = sorted(path.stem for path in RECORDINGS.glob("*.json") if writing(path.stem) and path.stem not in NOT_REPLAYED)


def shown(name: str, recording: str = "") -> Obj:
    """The object of a name, whole, as this recording shows it."""
    body: Obj = load(recording or BASES[name])["response"]["body"]
    kind = body["kind"].removesuffix("List")
    found = next(item for item in body.get("items", [body]) if item["metadata"]["name"] == name)
    return copy.deepcopy({"apiVersion": body["apiVersion"], "kind": kind} | found)


def before(name: str, recording: Obj) -> list[Obj]:
    """The objects as they were when the request came."""
    request, answer = recording["request"], recording["response"]["body"]
    parts = request["path"].split("/")
    if "pods" in parts:
        return _pods(parts[parts.index("pods") + 1], recording)
    target = parts[-2] if parts[-1] == "scale" else parts[-1]
    obj = shown(target, STATES.get(name, ""))
    if obj["kind"] == "PartialObjectMetadata":
        obj = shown(target) | {"metadata": obj["metadata"]}
    if recording["response"]["status"] == 200 and answer.get("kind") == obj["kind"]:
        obj = copy.deepcopy(answer)
        patch = request["body"]
        if isinstance(patch, dict) and "containers" not in json.dumps(patch):
            _take_out(obj, patch)
        elif request["headers"]["Content-Type"].startswith("application/apply"):
            obj["spec"]["replicas"] = 1
        else:
            obj["spec"]["template"] = shown(target)["spec"]["template"]
    return [obj]


def _take_out(obj: Obj, patch: Obj) -> None:
    """Remove the leaves that a patch writes."""
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(obj.get(key), dict) and "$patch" not in value:
            _take_out(obj[key], value)
        elif value is not None and key not in ("template", "selector"):
            obj.pop(key, None)


def _pods(name: str, recording: Obj) -> list[Obj]:
    answer, status = recording["response"]["body"], recording["response"]["status"]
    if status == 404:
        return []
    text = json.dumps(answer)
    metadata: Obj = {"name": name, "namespace": "ref-rec"}
    if found := _UID.search(text):
        metadata["uid"] = found[1]
    elif given := json.dumps(recording["request"]["body"]):
        wanted = re.search(r'"uid": "([^"]+)"', given)
        metadata["uid"] = wanted[1] if wanted else "some-uid"
    made = pod(name, namespace="ref-rec", metadata=metadata)
    # The names of those that are not healthy begin so.
    made["status"]["conditions"] = [{"type": "Ready", "status": str(not name.startswith("unh-"))}]
    if status == 200:
        made = copy.deepcopy(answer)
        made["metadata"].pop("deletionTimestamp", None)
        if recording["request"]["method"] == "PATCH":
            _take_out(made, recording["request"]["body"])
    budgets = [_budget(found) for found in _BUDGET.finditer(text)]
    if status == 500:
        budgets = [_budget_of("one", 0, 1), _budget_of("two", 0, 1)]
    return [made, *budgets]


def _budget(found: re.Match[str]) -> Obj:
    needed, healthy = int(found[2] or 0), int(found[3] or 0)
    return _budget_of(found[1], needed, healthy, computed=found[2] is not None)


def _budget_of(name: str, needed: int, healthy: int, *, computed: bool = True) -> Obj:
    status = {"observedGeneration": 1, "disruptionsAllowed": 0, "desiredHealthy": needed, "currentHealthy": healthy}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": "ref-rec", "generation": 1},
        "spec": {"minAvailable": needed, "selector": {"matchLabels": {"app": "chat"}}},
        "status": status if computed else {},
    }


async def ask(server: Server, recording: Obj) -> tuple[int, Any, dict[str, str]]:
    """Send the request as it was recorded, at the version that it names."""
    request = recording["request"]
    body = request["body"]
    text = body if isinstance(body, str) else json.dumps(body)
    headers = {"Content-Type": request["headers"]["Content-Type"], "Authorization": "Bearer token-of-admin"}
    url = server.client.base + request["path"]
    async with server.client.session.request(
        request["method"], url, params=request.get("query") or {}, data=text, headers=headers
    ) as answer:
        return answer.status, json.loads(await answer.text()), dict(answer.headers)


@pytest.mark.parametrize("name", NAMES)
async def test_is_answered_as_recorded(name: str) -> None:
    recording = load(name)
    expected, status = recording["response"]["body"], recording["response"]["status"]
    version = int(_version(recording))
    async with serving(resources=(*RESOURCES, REFENGINE), version=version - 1) as server:
        # What is written is kept; what controllers would make of it is not of these recordings.
        vars(server.world).update(
            write=server.store.put, patch_pod=lambda _namespace, _name, obj: server.store.put(obj)
        )
        for obj in reversed(before(name, recording)):
            server.store.version = version - 1
            server.store.put(obj)
        got_status, got, headers = await ask(server, recording)
    assert got_status == status, got
    if status >= 400:
        assert got.get("reason") == expected.get("reason")
        if name not in EMBEDS_THE_OBJECT:
            assert got["message"] == expected["message"]
            assert got.get("details") == expected.get("details")
        assert headers.get("Retry-After") == recording["response"]["headers"].get("retry-after")
        return
    assert (got["kind"], got["apiVersion"]) == (expected["kind"], expected["apiVersion"])
    if "spec" in expected:
        # The taint of a closed node is its controller's work.
        assert _without(got["spec"], "taints") == _without(expected["spec"], "taints")
    for part in ("labels", "annotations"):
        wanted = expected["metadata"].get(part) or {}
        assert wanted.items() >= (recording_patch(recording).get(part) or {}).items()
        assert (got["metadata"].get(part) or {}).items() >= (recording_patch(recording).get(part) or {}).items()


def recording_patch(recording: Obj) -> Obj:
    """Return the metadata that the request writes."""
    body = recording["request"]["body"]
    metadata = body.get("metadata") if isinstance(body, dict) else None
    return metadata or {}


def _without(spec: Obj, name: str) -> Obj:
    return {key: value for key, value in spec.items() if key != name}


def _version(recording: Obj) -> str:
    """The resourceVersion that the object must have had."""
    text = json.dumps(recording["response"]["body"])
    if found := _VERSION.search(text):
        return found[1]
    body = json.dumps(recording["request"]["body"])
    given = re.search(r'(?:"resourceVersion": |/metadata/resourceVersion", "value": )"(\d+)"', body)
    # A request that was refused for its version named another than the object's.
    stale = recording["response"]["status"] in (409, 422)
    return str(int(given[1]) + 7) if given and stale else given[1] if given else "20000"
