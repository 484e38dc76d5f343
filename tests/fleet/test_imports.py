"""Modules imported on threads are imported completely, even if others import at the same moment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TWO_AT_ONCE = """
import threading
from fleet.imports import imported
from fleet.sources.prometheus.api import PrometheusApi
from fleet.sources.prometheus.transport import PrometheusEndpoint

ready, failed = threading.Barrier(2), []

def run(what):
    ready.wait()
    try:
        what()
    except BaseException as error:
        failed.append(repr(error))

api = PrometheusApi(PrometheusEndpoint(url="http://127.0.0.1:1"), lambda *_: None)
opening = (lambda: imported("fleet.sources.kube.session"), api._open)
threads = [threading.Thread(target=run, args=(each,)) for each in opening]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(failed)
"""


def test_the_libraries_of_the_cluster_and_of_prometheus_can_be_imported_at_the_same_moment() -> None:
    root = Path(__file__).parents[2]
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", TWO_AT_ONCE],
            capture_output=True,
            text=True,
            check=False,
            cwd=root,
            env={"PATH": os.environ["PATH"]},
        )
        assert done.stdout.strip() == "[]", done.stdout + done.stderr
