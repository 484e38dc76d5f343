"""The recordings of a real API server that concern reading, replayed against the simulated one.

The store is loaded with the objects that the recording shows, the request is sent as it was recorded, and the
whole answer is compared: what differs by nature (resourceVersions, descriptions of columns, build numbers) is
taken out on both sides. Writes are replayed in test_contract_writes, save for those that are forbidden (403), which are
refused before anything is read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from simulator.api import rbac
from simulator.api.columns import unix
from simulator.api.resources import RESOURCES, resource
from tests.simulator.api_support import Server, serving

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings" / "kube-1.36"
Obj = dict[str, Any]

pytestmark = pytest.mark.contract

NOT_REPLAYED = {
    "flowschemas_names": "flow control is not simulated",
    "podlog_no_kubelet_500": "the recorded server had no kubelet; the simulated pods have logs",
}
STATE = {  # Where the state is not what the answer itself shows.
    "pods_list_limit_page2": ["pods_list_small"],
    "list_continue_old_token_200": ["pods_list_small"],
    "pods_table": ["pods_list_small"],
    "pods_table_no_object": ["pods_list_small"],
    "pods_partialobjectmetadata_list": ["pods_list_small"],
    "deployments_table": ["deployment_get"],
    "scale_get": ["deployment_get"],
    "scale_get_after_dryrun": ["deployment_get"],
    "crd_table": ["crd_list"],
    "crd_scale_get": ["crd_list"],
    "watch_label_selector_leave": ["watch_pods_added_modified_deleted"],
}
VERSION = {  # The resourceVersion that the answer mentions, or that a token was given at.
    "list_future_rv_504": 13357,
    "watch_expired_410": 13886,
    "pods_list_limit_page2": 11604,
    "list_continue_old_token_200": 11604,
}
CLOCK = {  # When it was asked: ages and times of creation are of that moment.
    "pods_table": "2026-11-21T00:30:21Z",
    "pods_table_no_object": "2026-11-21T00:30:21Z",
    "deployments_table": "2026-11-21T00:30:21Z",
    "node_pods_fieldselector": "2026-11-21T00:35:45Z",
    "selfsubjectreview": "2026-11-21T00:35:44Z",
    "impersonate_selfsubjectreview": "2026-11-21T00:35:44Z",
}
READING = {"get", "list", "watch"}
# What the answer says that depends on the build or on the JSON library, not on the API.
FREE = {
    "version": {"gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"},
    "discovery_api": {"serverAddress"},
    "pods_list_bad_continue_400": {"message"},
}
ALWAYS_FREE = {"resourceVersion", "description", "storageVersionHash", "continue"}

REFENGINE = resource(
    "ref.example.com/v1 refengines RefEngine",
    "Name, Replicas# spec.replicas",
    subresources="status scale",
    custom=True,
)
USERS = {
    "admin": rbac.User("admin", ("system:masters", "system:authenticated")),
    "oncall": rbac.User("oncall", ("oncall", "system:authenticated"), "ops-uid"),
    "auditor": rbac.User("auditor", ("auditors", "system:authenticated"), "ops-uid"),
}


def load(name: str) -> Obj:
    recording: Obj = json.loads((RECORDINGS / f"{name}.json").read_text())
    return recording


def reading(name: str) -> bool:
    recording = load(name)
    request, status = recording["request"], recording["response"]["status"]
    if name in NOT_REPLAYED:
        return False
    return request["method"] == "GET" or "reviews" in request["path"] or status == 403


NAMES = sorted(path.stem for path in RECORDINGS.glob("*.json") if reading(path.stem))


def objects(name: str) -> list[Obj]:
    """The objects that a recording shows, in the form in which they are stored."""
    recording = load(name)
    body = recording["response"]["body"]
    if recording["response"]["status"] != 200 or not isinstance(body, dict) or "metadata" not in body:
        return []
    if body["kind"] in ("Table", "APIGroupDiscoveryList"):
        return []
    if body["kind"].startswith("PartialObjectMetadata"):
        workload = "/deployments" in recording["request"]["path"]
        head = {"apiVersion": "apps/v1" if workload else "v1", "kind": "Deployment" if workload else "Pod"}
        return [head | {"metadata": item["metadata"]} for item in body.get("items", [body])]
    if body["kind"] == "Scale":
        return [_scaled(recording)]
    kind = body["kind"].removesuffix("List")
    head = {"apiVersion": body["apiVersion"], "kind": kind}
    return [_stored(head | item) for item in body.get("items", [body])]


def _scaled(recording: Obj) -> Obj:
    """The Deployment behind a recorded Scale."""
    scale = recording["response"]["body"]
    label, _, value = scale["status"]["selector"].partition("=")
    spec = {"replicas": scale["spec"].get("replicas", 0), "selector": {"matchLabels": {label: value}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": scale["metadata"],
        "spec": spec,
        "status": {"replicas": scale["status"]["replicas"]},
    }


def _pod_of_row(cells: list[str], metadata: Obj) -> Obj:
    """A pod that is shown with these cells."""
    container = {"name": "c", "ready": True, "restartCount": 0, "state": {"running": {}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"nodeName": cells[6], "containers": [{"name": "c"}]},
        "status": {"phase": "Running", "podIP": cells[5], "containerStatuses": [container]},
    }


def _stored(obj: Obj) -> Obj:
    """Events are kept as core/v1 whatever they were read as."""
    if obj["apiVersion"] != "events.k8s.io/v1":
        return obj
    names = {
        "regarding": "involvedObject",
        "note": "message",
        "reportingController": "reportingComponent",
        "deprecatedSource": "source",
        "deprecatedFirstTimestamp": "firstTimestamp",
        "deprecatedLastTimestamp": "lastTimestamp",
        "deprecatedCount": "count",
    }
    return {names.get(key, key): value for key, value in obj.items()} | {"apiVersion": "v1"}


def fill(server: Server, name: str) -> None:
    """Bring the store into the state of the recording."""
    for role in ("auditor", "oncall"):
        recorded = load(f"rbac_clusterrole_{role}")["response"]["body"]
        server.store.put(recorded)
        if name != "forbidden_403_no_binding":
            binding = rbac.binding(f"ref-{role}", f"ref-{role}", "User", role, "ref-rec")
            server.store.put(binding)
    for binding in rbac.objects("elsewhere"):
        if "system:" in binding["metadata"]["name"] or "cluster-admin" in binding["metadata"]["name"]:
            server.store.put(binding)
    for source in STATE.get(name, [name]):
        for obj in objects(source):
            server.store.put(obj)
    if name == "node_pods_fieldselector":
        for row in load(name)["response"]["body"]["rows"]:
            server.store.put(_pod_of_row(row["cells"], row["object"]["metadata"]))
    if name == "crd_table":  # recorded after a scale
        engine = objects("crd_list")[0]
        server.store.put(engine | {"spec": {"model": "m", "replicas": 4}})
    body = load(name)["response"]["body"]
    page = body["metadata"] if isinstance(body, dict) and "items" in body else {}
    if page.get("continue"):  # The answer says that there is more, so let there be more.
        last = objects(name)[-1]
        for number in range(page.get("remainingItemCount", 1)):
            more = {"name": f"zz-{number}", "uid": f"zz-{number}"}
            server.store.put(last | {"metadata": last["metadata"] | more})
    if name in VERSION:
        server.store.version = VERSION[name]
        server.store.compact()
    if name in CLOCK:
        server.world.clock.at = unix(CLOCK[name]) or 0.0


def replay_changes(server: Server, name: str) -> None:
    """Do to the store what the watch saw."""
    for source in STATE.get(name, [name]):
        for event in load(source)["response"]["body"]:
            obj = event["object"]
            metadata = obj["metadata"]
            if event["type"] in ("ADDED", "MODIFIED") and obj["kind"] != "PartialObjectMetadata":
                server.store.put(obj)
            elif event["type"] == "ADDED":
                server.store.put({"apiVersion": "v1", "kind": "Pod", "metadata": metadata})
            elif event["type"] == "DELETED":
                server.store.delete("v1", "Pod", metadata["namespace"], metadata["name"])


def plain(value: Any, free: set[str]) -> Any:
    """The value without what differs by nature; a free key stays, so that its absence is seen."""
    if isinstance(value, dict):
        shown = {key: "free" if key in free else plain(item, free) for key, item in value.items()}
        shown.pop("storageVersionHash", None)
        if "verbs" in shown and ("kind" in shown or "responseKind" in shown):
            shown["verbs"] = sorted(READING & set(value["verbs"]))
        return shown
    return [plain(item, free) for item in value] if isinstance(value, list) else value


def comparable(name: str, body: Any) -> Any:
    free = ALWAYS_FREE | FREE.get(name, set())
    if name.startswith("list_continue_expired"):
        free = free - {"continue"}
    shown = plain(body, free)
    if name.startswith("ssar_"):
        shown["metadata"] = {}  # managedFields of an object that is never stored
    if name == "ssrr_auditor":
        rules = shown["status"]["nonResourceRules"]
        # /.well-known is the key set of service accounts, which the simulator does not issue.
        shown["status"]["nonResourceRules"] = [
            rule for rule in rules if not rule["nonResourceURLs"][0].startswith("/.well-known")
        ]
        for kind in ("nonResourceRules", "resourceRules"):
            shown["status"][kind].sort(key=json.dumps)
    if name == "discovery_apis":
        shown["groups"].sort(key=lambda group: group["name"])
    return shown


def merged(events: list[Obj]) -> list[Obj]:
    """Return the events without repeated bookmarks, whose number depends on timing."""
    return [event for index, event in enumerate(events) if event not in events[:index]]


@pytest.mark.parametrize("name", NAMES)
async def test_answers_as_recorded(name: str) -> None:
    recording = load(name)
    request, expected = recording["request"], recording["response"]
    streaming = "stream" in expected
    async with serving(
        tokens={f"token-of-{user}": info for user, info in USERS.items()},
        version=12850 if streaming else 11000,
        resources=(*RESOURCES, REFENGINE),
        roles=False,
        # The watch of 2 s is over before its last bookmark, the longer ones are not.
        bookmark_every=60.0 if name == "watch_list_streaming" else 0.5,
    ) as server:
        if streaming:
            fill(server, "forbidden_403_no_binding")
            if name in VERSION:
                server.store.version = VERSION[name]
                server.store.compact()
            replay_changes(server, name)
        else:
            fill(server, name)
        query = {key: str(value) for key, value in request["query"].items()}
        if streaming:
            query["timeoutSeconds"] = "1"
        headers = {**request["headers"], "Authorization": f"Bearer token-of-{request['as_user']}"}
        async with server.client.session.request(
            request["method"],
            server.client.base + request["path"],
            params=query,
            headers=headers,
            data=json.dumps(request["body"]) if request["body"] else None,
        ) as response:
            assert response.status == expected["status"]
            assert response.headers["Content-Type"] == expected["headers"]["content-type"]
            assert response.headers.get("Retry-After") == expected["headers"].get("retry-after")
            assert response.headers["Audit-Id"]
            compare(name, await _received(response, streaming=streaming), expected["body"])


async def _received(response: aiohttp.ClientResponse, *, streaming: bool) -> Any:
    if streaming:
        return [json.loads(line) async for line in response.content]
    text = await response.text()
    return json.loads(text) if "json" in response.headers["Content-Type"] else text


NOT_RECORDED = {
    "cert-manager.io",
    "gateway.networking.k8s.io",
    "inference.networking.k8s.io",
    "keda.sh",
    "leaderworkerset.x-k8s.io",
    "ref.example.com",
}
"""Groups of custom resources, of which the server that was recorded had none."""


def compare(name: str, got: Any, recorded: Any) -> None:
    got, recorded = comparable(name, got), comparable(name, recorded)
    if name == "discovery_apis":
        served = {group["name"] for group in got["groups"]}
        recorded["groups"] = [group for group in recorded["groups"] if group["name"] in served]
        for group in recorded["groups"]:  # autoscaling/v1 has nothing that v2 has not
            group["versions"] = [v for v in group["versions"] if v == group["preferredVersion"]]
        assert served - {group["name"] for group in recorded["groups"]} == NOT_RECORDED
        got["groups"] = [group for group in got["groups"] if group["name"] not in NOT_RECORDED]
    if name == "discovery_aggregated_apis":
        wanted = {group["metadata"]["name"] for group in recorded["items"]}
        got["items"] = [group for group in got["items"] if group["metadata"]["name"] in wanted]
    if isinstance(recorded, list):
        got, recorded = merged(got), merged(recorded)
    assert got == recorded
