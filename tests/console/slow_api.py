"""An API server whose every answer takes a while, before the simulated one; and a Prometheus that answers at once.

A process of its own: ``python -m tests.console.slow_api SERVER DELAY`` prints the two ports and ends with its stdin.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web

NAME = "vllm:num_requests_running"
ENGINES = (("serving", "chat-70b-elsewhere"), ("batch", "night-1"))
"""Pods that Prometheus knows; Kubernetes has not answered anything by then."""


async def _serve(server: str, delay: float) -> None:
    async with aiohttp.ClientSession() as session:

        async def passed_on(request: web.Request) -> web.StreamResponse:
            await asyncio.sleep(delay)
            headers = {k: v for k, v in request.headers.items() if k.lower() not in ("host", "accept-encoding")}
            url, body = f"{server}{request.raw_path}", await request.read()
            async with session.request(request.method, url, headers=headers, data=body, ssl=False) as answer:
                out = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
                await out.prepare(request)
                async for chunk in answer.content.iter_any():
                    await out.write(chunk)
                return out

        ports = [await _listen(passed_on), await _listen(_prometheus)]
        sys.stdout.write(json.dumps(ports) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


async def _listen(handler: Any) -> int:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return int(runner.addresses[0][1])


async def _prometheus(request: web.Request) -> web.Response:
    """Engines for an instant query of them, nothing for all else."""
    query = str((await request.post()).get("query") or request.query.get("query", ""))
    result: list[dict[str, Any]] = []
    if "num_requests_running" in query and request.path.endswith("/query"):
        result = [
            {"metric": {"__name__": NAME, "namespace": place, "pod": pod, "model_name": "chat-70b"}, "value": [0, "1"]}
            for place, pod in ENGINES
        ]
    return web.json_response({"status": "success", "data": {"resultType": "vector", "result": result}})


@contextmanager
def slow(kubeconfig: Path, server: str, delay: float, folder: Path) -> Iterator[tuple[Path, str]]:
    """A kubeconfig that leads to the slow API server, and the URL of the Prometheus."""
    command = [sys.executable, "-m", "tests.console.slow_api", server, str(delay)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        front, metrics = json.loads(child.stdout.readline())
        written = yaml.safe_load(kubeconfig.read_text())
        for cluster in written["clusters"]:
            cluster["cluster"] = {"server": f"http://127.0.0.1:{front}"}
        path = folder / "slow-kubeconfig"
        path.write_text(yaml.safe_dump(written))
        path.chmod(0o600)
        try:
            yield path, f"http://127.0.0.1:{metrics}"
        finally:
            child.kill()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], float(sys.argv[2])))
