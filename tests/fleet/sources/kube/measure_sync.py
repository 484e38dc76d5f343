"""Measures the first sync of a large fleet: `python -m tests.fleet.sources.kube.measure_sync [--pods 5000]`.

A server process hands out realistic pods (about 9 KB of JSON each, half of it managedFields). Two fresh processes
read them: one as plainly as can be (raw pages, orjson, all kept), one through the source. Prints seconds, growth of the
resident set and the longest time that the event loop was held, by the clock and of CPU, one JSON line each.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import multiprocessing
import random
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from fleet.net.bodies import limits
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.kubeconfig import Access
from fleet.sources.kube.source import KubernetesSource

PATH = "/api/v1/pods"
PODS_PER_WORKLOAD = 50


def realistic_pod(number: int, rng: random.Random) -> dict[str, Any]:
    """A running engine pod with what real ones carry."""
    workload = number // PODS_PER_WORKLOAD
    fields: dict[str, Any] = {
        f"f:field-{n}-of-the-pod-template": {".": {}, "f:name": {}, "f:value": {}} for n in range(75)
    }
    return {
        "metadata": {
            "name": f"chat-{workload}-5b6d6586f-{number:05d}",
            "generateName": f"chat-{workload}-5b6d6586f-",
            "namespace": f"team-{workload % 7}",
            "uid": f"{rng.getrandbits(128):032x}",
            "resourceVersion": str(100_000 + number),
            "creationTimestamp": "2026-11-21T00:42:45Z",
            "labels": {"app": f"chat-{workload}", "pod-template-hash": "5b6d6586f", "llm-d.ai/role": "decode"},
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8000"},
            "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"chat-{workload}-5b6d6586f",
                 "uid": f"rs-{workload}", "controller": True, "blockOwnerDeletion": True}
            ],
            "managedFields": [
                {"manager": "kubelet", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": fields}}
            ],
        },
        "spec": {
            "nodeName": f"gpu-node-{number % 640}",
            "containers": [
                {
                    "name": "vllm",
                    "image": "vllm/vllm-openai:v0.11.0",
                    "args": ["--model", "meta/llama-3.1-8b", "--revision", "a1b2c3", "--served-model-name", "chat",
                             "--max-model-len", "32768", "--gpu-memory-utilization", "0.92"],
                    "ports": [{"name": "http", "containerPort": 8000}],
                    "resources": {"limits": {"nvidia.com/gpu": "1", "cpu": "8", "memory": "64Gi"}},
                    "env": [{"name": f"SETTING_{n}", "value": f"value of setting {n}"} for n in range(24)],
                    "volumeMounts": [{"name": f"volume-{n}", "mountPath": f"/mnt/{n}"} for n in range(8)],
                }
            ],
            "volumes": [{"name": f"volume-{n}", "emptyDir": {"medium": "Memory"}} for n in range(8)],
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        },
        "status": {
            "phase": "Running",
            "podIP": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
            "conditions": [
                {"type": kind, "status": "True", "lastTransitionTime": "2026-11-21T00:44:00Z"}
                for kind in ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
            ],
            "containerStatuses": [
                {"name": "vllm", "ready": True, "started": True, "restartCount": 0,
                 "image": "vllm/vllm-openai:v0.11.0",
                 "imageID": "docker.io/vllm/vllm-openai@sha256:" + "ab" * 32,
                 "state": {"running": {"startedAt": "2026-11-21T00:43:00Z"}}}
            ],
        },
    }  # fmt: skip


def serve(pods: int, ready: Connection) -> None:
    """The server process: pages made of bytes that are encoded once."""
    rng = random.Random(1)
    encoded = [orjson.dumps(realistic_pod(number, rng)) for number in range(pods)]

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.query.get("watch") == "1":
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            await response.prepare(request)
            await asyncio.sleep(3600)
            return response
        if request.path == PATH:
            start, limit = int(request.query.get("continue", 0)), int(request.query.get("limit", 0)) or pods
            end = start + limit
            more = b',"continue":"%d"' % end if end < pods else b""
            head = b'{"kind":"PodList","metadata":{"resourceVersion":"1"%s},"items":[' % more
            return web.Response(body=head + b",".join(encoded[start:end]) + b"]}", content_type="application/json")
        if request.path == "/version":
            return web.json_response({"gitVersion": "v1.36.0"})
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": []})

    async def run() -> None:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", handle)
        runner = web.AppRunner(app, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ready.send((runner.addresses[0][1], sum(map(len, encoded))))
        await asyncio.Event().wait()

    asyncio.run(run())


def access(port: int) -> Access:
    server = f"http://127.0.0.1:{port}"
    return Access("measure", "measure", "", "", server, {"server": server}, {})


async def plainly(port: int) -> list[Any]:
    """Raw pages of 500, orjson, all kept."""
    client, kept, token = KubeClient(access(port)), [], ""
    while True:
        query = {"limit": "500"} | ({"continue": token} if token else {})
        document = orjson.loads((await client.get(PATH, query, limit=limits().kubernetes_list)).body)
        kept += document["items"]
        token = document["metadata"].get("continue", "")
        if not token:
            await client.close()
            return kept


async def through_the_source(port: int) -> object:
    """The source until it is in sync; gives its rows."""
    source = KubernetesSource(access(port))
    await source.start()
    await source.wait_synced()
    state = source.state()
    await source.close()
    return state


def rss() -> float:
    """Resident set of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def measure(name: str, port: int) -> None:
    """One reader in this process; prints its line."""
    readers: dict[str, Callable[[int], Awaitable[object]]] = {"plain": plainly, "source": through_the_source}

    async def run() -> None:
        # What is imported and connected once is not part of the sync.
        client = KubeClient(access(port))
        await client.get("/version")
        await client.close()
        gc.collect()
        before, longest, busiest, done = rss(), 0.0, 0.0, False

        async def heartbeat() -> None:
            nonlocal longest, busiest
            last, last_cpu = time.perf_counter(), time.thread_time()
            while not done:
                await asyncio.sleep(0)
                now, cpu = time.perf_counter(), time.thread_time()
                longest, busiest = max(longest, now - last), max(busiest, cpu - last_cpu)
                last, last_cpu = now, cpu

        beating = asyncio.create_task(heartbeat())
        began, cpu = time.perf_counter(), time.process_time()
        kept = await readers[name](port)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        done = True
        await beating
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        gc.collect()
        line = {
            "reader": name,
            "seconds": round(seconds, 6),
            "cpu_s": round(cpu, 6),
            "rss_growth_mib": round(rss() - before, 1),
            "peak_growth_mib": round(peak - before, 1),
            "longest_turn_ms": round(longest * 1000, 1),
            "longest_turn_cpu_ms": round(busiest * 1000, 1),
            "kept": len(getattr(kept, "pods", kept)),  # type: ignore[arg-type]
        }
        sys.stdout.write(json.dumps(line) + "\n")

    asyncio.run(run())


def main() -> None:
    """Serve, and measure each reader in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pods", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=serve, args=(arguments.pods, there), daemon=True)
    server.start()
    port, size = here.recv()
    sys.stdout.write(json.dumps({"pods": arguments.pods, "mb_of_json": round(size / 1e6, 1)}) + "\n")
    sys.stdout.flush()
    for _ in range(arguments.rounds):
        for name in ("plain", "source"):
            reader = context.Process(target=measure, args=(name, port))
            reader.start()
            reader.join()
            if reader.exitcode:
                sys.exit(f"the reader {name} ended with {reader.exitcode}: see above")
    server.terminate()
    server.join()


if __name__ == "__main__":
    main()
