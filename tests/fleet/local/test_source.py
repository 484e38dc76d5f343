"""Servers of this machine as the pods of a cluster of one node."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from fleet.diagnosis.assessment.assessor import Assessor
from fleet.diagnosis.subjects.subject import PodSubject, WorkloadSubject
from fleet.local.gpus import GpuReading, LocalGpu
from fleet.local.server import Phase, ServerState
from fleet.local.source import LocalSource
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment, Health
from fleet.sources.kube.state import KubeState
from fleet.sources.scrape.targets import endpoints, split_ambiguous
from tests.fleet.local.servers import BEGUN, dead, loading, record, state
from tests.waiting import PATIENCE

GPU = LocalGpu(0, "GPU-0", "NVIDIA L4", 24, 4, 20)


class Watched:
    """A watcher that sees what the test says."""

    def __init__(self, *servers: ServerState, problems: tuple[str, ...] = ()) -> None:
        self.servers = servers
        self.problems = problems
        self.error: OSError | None = None

    async def poll(self) -> tuple[ServerState, ...]:
        if self.error is not None:
            raise self.error
        return self.servers


async def seen(*servers: ServerState, gpus: tuple[LocalGpu, ...] = ()) -> KubeState:
    source = LocalSource(Watched(*servers), gpus=lambda: GpuReading(gpus))
    await source.poll()
    return source.state()


def judged(state: KubeState) -> tuple[Assessment, Assessment]:
    """Return the assessments of the only pod and its workload before anything is measured."""
    (pod,), (workload,) = state.pods.values(), state.workloads.values()
    found = Assessor().of_pod(PodSubject(pod)).assessment
    whole = WorkloadSubject(workload, [found], workload.ready, workload.ready)
    return found, Assessor().of_workload(whole).assessment


async def test_a_ready_server_is_a_pod_with_its_model_and_a_workload_of_one() -> None:
    found = await seen(state(record()))
    pod, workload = found.pods["local/tiny"], found.workloads["local/Process/tiny"]
    assert (pod.uid, pod.phase, pod.status, pod.ready, pod.ip) == ("id-tiny", "Running", "Running", True, "127.0.0.1")
    assert (pod.version.model, pod.version.served_name, pod.version.revision) == ("org/tiny", "tiny-chat", "abc")
    assert pod.containers[0].command == ("vllm", "serve", "org/tiny", "--port", "8000")
    assert pod.containers[0].ports == (("http", 8000),)
    assert (workload.desired, workload.ready) == (1, 1)
    assert pod.owner is not None
    assert pod.owner.uid == workload.uid
    assert judged(found) == (Assessment(Severity.OK), Assessment(Severity.OK))


async def test_a_server_that_loads_says_how_far_it_is() -> None:
    found = await seen(loading(record(), 3, 30, 70.0))
    words = "reading weights 3/30, ~1m10s"
    assert judged(found) == (Assessment(Severity.STARTING, words), Assessment(Severity.STARTING, words))
    assert not endpoints(found.pods.values(), (8000,), "/metrics")


async def test_a_dead_server_says_why() -> None:
    found = await seen(dead(record()))
    words = "the GPU has too little free memory"
    assert found.pods["local/tiny"].phase == "Failed"
    assert judged(found) == (Assessment(Severity.CRITICAL, words), Assessment(Severity.CRITICAL, words))
    last = max(found.events.values(), key=lambda event: event.last)
    assert (last.type, last.reason, last.involved_uid) == ("Warning", "Died", "id-tiny")
    assert last.message == f"{words}; lower --gpu-memory-utilization"


async def test_a_server_that_stops_is_terminating_and_one_that_does_not_answer_is_not_ready() -> None:
    stopping = await seen(state(record(), Phase.STOPPING))
    assert stopping.pods["local/tiny"].deleted == BEGUN + 30
    assert judged(stopping)[0] == Assessment(Severity.GONE, "terminating")
    silent = await seen(replace(state(record(), detail="does not answer"), healthy=False))
    assert silent.pods["local/tiny"].status == "does not answer"
    assert judged(silent)[0].severity is Severity.WARNING


async def test_servers_at_one_address_are_told_apart_by_their_ports() -> None:
    found = await seen(state(record("a", port=8001)), state(record("b", port=8002)))
    clear, unclear = split_ambiguous(endpoints(found.pods.values(), (8000,), "/metrics"))
    assert [(e.pod.name, e.address) for e in clear] == [("a", "127.0.0.1:8001"), ("b", "127.0.0.1:8002")]
    assert not unclear


async def test_this_machine_is_the_one_node_with_the_gpus_of_nvml() -> None:
    found = await seen(state(record()), gpus=(GPU, replace(GPU, index=1, uuid="GPU-1")))
    (node,) = found.nodes.values()
    assert (node.ready, node.gpus, node.gpu_product) == ("True", {"nvidia.com/gpu": 2}, "NVIDIA L4")
    pod = found.pods["local/tiny"]
    assert (pod.node, pod.gpus, pod.gpu_resource) == (node.name, 1, "nvidia.com/gpu")
    assert found.cluster.cluster == "local"
    assert found.cluster.version == "vLLM 0.32.0"


async def test_a_vllm_for_the_cpu_holds_no_gpu() -> None:
    found = await seen(state(replace(record(), cpu=True)), gpus=(GPU,))
    assert found.pods["local/tiny"].gpus == 0


async def test_the_revision_changes_with_the_arguments_alone() -> None:
    first = await seen(state(record(uid="1")))
    again = await seen(state(record(uid="2")))
    other = await seen(state(replace(record(), argv=("vllm", "serve", "org/tiny", "--max-model-len", "64"))))
    key = "local/Process/tiny"
    assert first.workloads[key].revision == again.workloads[key].revision != other.workloads[key].revision
    assert first.workloads[key].uid == again.workloads[key].uid


async def test_what_does_not_change_stays_the_same_object() -> None:
    watched = Watched(state(record("a", port=8001)), loading(record("b", port=8002), 1, 3, None))
    source = LocalSource(watched, gpus=GpuReading)
    await source.poll()
    first = source.state()
    watched.servers = (state(record("a", port=8001), at=BEGUN + 61), watched.servers[1])
    await source.poll()
    second = source.state()
    assert second.generation == first.generation
    assert second.pods is first.pods
    watched.servers = (watched.servers[0], state(record("b", port=8002)))
    await source.poll()
    third = source.state()
    assert third.generation == second.generation + 1
    assert third.pods["local/a"] is first.pods["local/a"]
    assert third.pods["local/b"].ready
    assert third.nodes is first.nodes
    watched.servers = ()
    await source.poll()
    assert not source.state().pods


async def test_problems_are_notes_and_what_cannot_be_read_is_an_outage_with_the_last_rows() -> None:
    watched = Watched(state(record()), problems=("one record cannot be read",))
    source = LocalSource(watched, gpus=GpuReading)
    assert source.statuses()[0].health is Health.STARTING
    await source.poll()
    status = source.statuses()[0]
    assert (status.name, status.health, status.notes) == ("machine", Health.LIVE, ("one record cannot be read",))
    watched.error = PermissionError(13, "Permission denied", "/state/local")
    await source.poll()
    assert source.statuses()[0].health is Health.DOWN
    assert "Permission denied" in source.statuses()[0].problem
    assert "local/tiny" in source.state().pods


async def test_it_is_followed_until_it_is_stopped() -> None:
    watched = Watched()
    source = LocalSource(watched, gpus=GpuReading)
    assert not await source.wait_synced(0.0)
    await source.start()
    assert await source.wait_synced(PATIENCE)
    assert not source.state().pods
    watched.servers = (state(record()),)
    async with asyncio.timeout(PATIENCE):
        while not source.state().pods:  # noqa: ASYNC110 -- the source tells nobody
            await asyncio.sleep(0.05)
    await source.close()
