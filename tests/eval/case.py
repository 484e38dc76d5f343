"""One incident in the making: a calm fleet, what goes wrong in it and when, and the truth of it."""

from __future__ import annotations

import copy
import random
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from fleet.model.quantity import Quantity
from fleet.model.snapshot import Health, SourceStatus
from fleet.recorder.moment import Moment
from fleet.recorder.writer import RecordingWriter
from simulator.objects import timestamp
from tests.eval import pods
from tests.eval.numbers import Numbers, Shape
from tests.eval.tape import INTERVAL, WINDOW, Objects, Place, Raw, Tape, place_of, rounded
from tests.eval.truth_file import Fault, Found
from tests.fleet.recorder.seen import Plain

LEAD = 90.0
"""Calm seconds before anything happens."""
Q = Quantity
_TOPS = ("Deployment", "StatefulSet")
IDLE = {Q.GPU_UTIL: 0.0, Q.SM_ACTIVE: 0.0, Q.DRAM_ACTIVE: 0.0, Q.TENSOR_ACTIVE: 0.0, Q.GPU_POWER: 72.0}


class Top(NamedTuple):
    """A workload."""

    kind: str
    namespace: str
    name: str

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.kind}/{self.name}"


@dataclass(frozen=True)
class Guise:
    """The form of a kind of incident in this case."""

    name: str
    pods: int | None = None
    demand: float = 1.0
    lacks: str = ""
    """The missing data: numbers, gpus or events; empty for none."""
    innocent: str = ""
    """An unrelated harmless event at the same time."""
    seed: int = 1


class Case:
    """The stage that a kind of incident acts upon. Seconds are counted from the onset."""

    def __init__(self, name: str, guise: Guise, tape: Tape) -> None:
        self.guise = guise
        self.random = random.Random(f"{name}/{guise.name}/{guise.seed}")
        self.onset = tape.began + LEAD + self.random.randrange(2, 14)
        self.faults: list[Fault] = []
        self.beside: list[Found] = []
        self.shapes: list[Shape] = []
        self.measures = True
        """False once no numbers come any more."""
        self.health: dict[str, tuple[Health, str]] = {}
        self.last_pod = ""
        """The name of the pod that was made last."""
        self._tape = tape
        self._raws: dict[Place, Raw] = dict(tape.raws)
        self._objects = Objects()
        for raw in self._raws.values():
            self._objects.put(raw)
        self._acts: list[tuple[float, int, Callable[[float], None]]] = []
        self.taken: set[str] = set()
        """Names of workloads to which something happens already."""
        self._events = 0
        self._at_first = {top: len(self.pods(top)) for top in self.tops()}

    # what there is

    @property
    def first(self) -> Numbers:
        """The numbers at first; changes of these change nothing."""
        return Numbers(self._tape.frame(0), self._tape.began)

    def raw(self, kind: str, namespace: str, name: str) -> Raw:
        """An object as it is now; not to be changed."""
        return self._raws[kind, namespace, name]

    def raws(self, kind: str) -> list[Raw]:
        """All objects of a kind as they are now."""
        return [raw for (found, _, _), raw in self._raws.items() if found == kind]

    def tops(self) -> list[Top]:
        """Workloads that serve."""
        found = [Top(*place) for place in self._raws if place[0] in _TOPS]
        return [top for top in found if top.name not in ("gateway", "dcgm-exporter")]

    def pods(self, top: Top) -> list[str]:
        """Names of a workload's pods now."""
        owners = {top.name} | {
            name
            for (kind, namespace, name), raw in self._raws.items()
            if kind == "ReplicaSet" and namespace == top.namespace and _owner(raw) == top.name
        }
        return sorted(
            name
            for (kind, namespace, name), raw in self._raws.items()
            if kind == "Pod" and namespace == top.namespace and _owner(raw) in owners
        )

    def node_of(self, top: Top, pod: str) -> str:
        """Return the name of a pod's node."""
        return str(self.raw("Pod", top.namespace, pod)["spec"].get("nodeName", ""))

    def workload(self, replicas: int = 3, kinds: Sequence[str] = _TOPS, gpus: int = 1) -> Top:
        """A workload that nothing has happened to, with so many replicas at least where there is one."""
        free = [top for top in self.tops() if top.name not in self.taken and top.kind in kinds]
        free = [top for top in free if self.gpus_of(top) >= gpus] or free
        enough = [top for top in free if len(self.pods(top)) >= replicas]
        top = self.random.choice(enough or sorted(free, key=lambda one: -len(self.pods(one)))[:1])
        return self.claim(top)

    def claim(self, top: Top) -> Top:
        """Reserve this workload, so that nothing else happens to it."""
        self.taken.add(top.name)
        return top

    def gpus_of(self, top: Top) -> int:
        """GPUs of one of its pods."""
        limits = self.raw(*top)["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
        return sum(int(count) for name, count in limits.items() if name.startswith("nvidia.com/"))

    def pod(self, top: Top, number: int = 0) -> str:
        """One of a workload's pods."""
        found = self.pods(top)
        return found[number % len(found)]

    def take_node(self, node: str) -> list[str]:
        """A node's pods, as keys; nothing else happens to their workloads."""
        found = [raw for raw in self.raws("Pod") if raw["spec"].get("nodeName") == node]
        for top in self.tops():
            if any(raw["metadata"]["name"] in self.pods(top) for raw in found):
                self.taken.add(top.name)
        return [_key(raw) for raw in found]

    # what happens

    def at(self, seconds: float, act: Callable[[float], None]) -> None:
        """Something happens."""
        self._acts.append((self.onset + seconds, len(self._acts), act))

    def edit(self, seconds: float, place: Iterable[str], change: Callable[[Raw, float], object]) -> None:
        """An object becomes another."""
        kind, namespace, name = place

        def act(now: float) -> None:
            raw = copy.deepcopy(self._raws[kind, namespace, name])
            change(raw, now)
            self.put(raw)

        self.at(seconds, act)

    def edit_pod(self, seconds: float, top: Top, pod: str, change: Callable[[Raw, float], object]) -> None:
        """A pod becomes another."""
        self.edit(seconds, ("Pod", top.namespace, pod), change)

    def put(self, raw: Raw) -> None:
        """An object is as it is from now on."""
        self._raws[place_of(raw)] = raw
        self._objects.put(raw)

    def remove(self, *place: str) -> None:
        """Remove an object from now on."""
        kind, namespace, name = place
        self._raws.pop((kind, namespace, name), None)
        self._objects.remove((kind, namespace, name))

    def delete(self, seconds: float, top: Top, pod: str, grace: float = 30) -> None:
        """Delete a pod as a user would; it ends in time."""
        self.edit_pod(seconds, top, pod, lambda raw, now: pods.leaving(raw, now, grace))
        self.at(seconds + grace, lambda _: self.remove("Pod", top.namespace, pod))

    def new_pod(self, seconds: float, top: Top, change: Callable[[Raw, float], object] | None = None) -> str:
        """One more pod of a workload; its name."""
        like = self.raw("Pod", top.namespace, self.pod(top))
        made = pods.made_like(copy.deepcopy(like), self.onset + seconds, len(self._acts))
        if change is not None:
            change(made, self.onset + seconds)
        name = self.last_pod = str(made["metadata"]["name"])
        self.at(seconds, lambda _: self.put(made))
        return name

    def desire(self, seconds: float, top: Top, replicas: int) -> None:
        """So many replicas are wanted."""
        self.edit(seconds, top, lambda raw, _: raw["spec"].update(replicas=replicas))

    def event(
        self, seconds: float, place: Iterable[str], reason: str, message: str, kind: str = "Warning", count: int = 1
    ) -> None:
        """An event is written."""
        about, namespace, name = place
        number = self._events = self._events + 1

        def act(now: float) -> None:
            found = self._raws.get((about, namespace, name), {"metadata": {"uid": ""}})
            involved = {"kind": about, "namespace": namespace, "name": name, "uid": found["metadata"]["uid"]}
            meta = {"name": f"{name}.{number:016x}", "namespace": namespace or "default", "uid": f"event-{number}"}
            stamp = timestamp(now)
            document: dict[str, Any] = {"reason": reason, "message": message, "type": kind, "count": count}
            document |= {"firstTimestamp": stamp, "lastTimestamp": stamp, "involvedObject": involved}
            meta |= {"creationTimestamp": stamp, "resourceVersion": "1"}
            if self.guise.lacks != "events":
                self.put({"kind": "Event", "apiVersion": "v1", "metadata": meta} | document)

        self.at(seconds, act)

    def shape(self, change: Callable[[Numbers, float], object], after: float = 0.0, until: float = 1e9) -> None:
        """Numbers are others from then on; what changes them gets the seconds since."""

        def act(numbers: Numbers, now: float) -> None:
            since = now - self.onset - after
            if since >= 0 and now - self.onset < until:
                change(numbers, since)

        self.shapes.append(act)

    # the truth

    def fault(
        self,
        cause: str | Sequence[str],
        *objects: str,
        says: str = "",
        evidence: Sequence[str] = (),
        actions: Sequence[str] = (),
        after: float = 0.0,
    ) -> None:
        """Declare a fault, from the onset or so many seconds after it."""
        causes = (cause,) if isinstance(cause, str) else tuple(cause)
        self.faults.append(Fault(causes, says, objects, self.onset + after, tuple(evidence), tuple(actions)))

    def not_asked(self, *cause: str) -> None:
        """Accept a finding wherever it is found, without requiring it."""
        self.beside.append(Found(cause, "", ()))

    # the recording

    def write(self, path: Path, lasts: float) -> None:
        """Write the recording: so many seconds after the onset."""
        writer = RecordingWriter(path, Plain())
        writer.describe(context="eval", server="https://kube.example.com:6443", cluster="eval")
        end = self.onset + lasts
        scrapes = [
            self._tape.began + INTERVAL * number for number in range(int((end - self._tape.began) / INTERVAL) + 1)
        ]
        acts = [(at, number, act) for at, number, act in self._acts if at <= end]
        # Where nothing is measured and nothing else happens, a recording would end before it.
        acts.append((end, len(self._acts), self._heartbeat))
        steps = [(at, -1, None) for at in scrapes]
        measurement, scraped = None, 0
        for at, _, act in sorted([*steps, *acts], key=lambda step: step[:2]):
            if act is not None:
                act(at)
                self._recount()
            elif self.measures and self.guise.lacks != "numbers":
                measurement = rounded(self._scrape(scraped, at).measurement())
            scraped += act is None
            facts = self._objects.facts(at)
            writer.note(Moment(self._objects.state(), self._statuses(at), measurement, facts), at)
        writer.close()

    def _heartbeat(self, _: float) -> None:
        """A kubelet reports its node once more."""
        raw = self.raws("Node")[0]
        self.put(raw | {"metadata": raw["metadata"] | {"resourceVersion": "heartbeat"}})

    def _scrape(self, number: int, now: float) -> Numbers:
        numbers = Numbers(self._tape.frame(number), now)
        self._follow_pods(numbers)
        for shape in self.shapes:
            shape(numbers, now)
        if self.guise.lacks == "gpus":
            for raw in self.raws("Node"):
                numbers.silence_gpus(*numbers.gpus_on(raw["metadata"]["name"]))
        return numbers

    def _follow_pods(self, numbers: Numbers) -> None:
        """Update the pods that are measured: a stopped pod is not, its peers get its requests, and a new pod counts as
        they do.
        """
        measured = frozenset(numbers.pods)
        for top, before in self._at_first.items():
            keys = [f"{top.namespace}/{name}" for name in self.pods(top)]
            up = [key for key in keys if pods.listens(self._raws["Pod", *key.split("/", 1)])]  # type: ignore[index]
            like = next((key for key in up if key in measured), None)
            for key in up:
                if key not in measured and like is not None:
                    numbers.copy_engine(like, key)
            serving = [key for key in up if pods.is_ready(self._raws["Pod", *key.split("/", 1)])]  # type: ignore[index]
            for key in serving if len(serving) != before else ():
                numbers.load(key, before / len(serving))
        running = {
            f"{raw['metadata']['namespace']}/{raw['metadata']['name']}" for raw in self.raws("Pod") if pods.listens(raw)
        }
        for key in measured - running:
            there = self._raws.get(("Pod", *key.split("/", 1)))  # type: ignore[arg-type]
            numbers.silence(key, "connection refused" if there is not None else "")
            for gpu in numbers.gpus_of(key):
                numbers.set_gpu(gpu, IDLE)
            if there is None:
                numbers.hold("/", numbers.gpus_of(key))

    def _statuses(self, now: float) -> tuple[SourceStatus, ...]:
        down = (Health.DOWN, "connection refused")
        found = {"kubernetes": (Health.LIVE, ""), "prometheus": (Health.LIVE, "")} | self.health
        if self.guise.lacks == "numbers":
            found["prometheus"] = down
        return tuple(
            SourceStatus(name, health, self.onset if name in self.health else self._tape.began, now, problem=problem)
            for name, (health, problem) in found.items()
        )

    def _recount(self) -> None:
        """Controllers write how many replicas they have, and which spec they have seen."""
        for top in self._at_first:
            found = [self._raws["Pod", top.namespace, name] for name in self.pods(top)]
            live = [
                raw
                for raw in found
                if "deletionTimestamp" not in raw["metadata"] and raw["status"]["phase"] != "Failed"
            ]
            up = sum(map(pods.is_ready, live))
            raw = self._raws.get(tuple(top))  # type: ignore[arg-type]
            if raw is None:
                continue
            status, seen = raw["status"], raw["metadata"].get("generation", 0)
            has = tuple(status.get(name, 0) for name in ("replicas", "readyReplicas", "observedGeneration"))
            if has != (len(live), up, seen):
                counts = {"replicas": len(live), "readyReplicas": up, "availableReplicas": up}
                counts |= {"observedGeneration": seen}
                self.put(raw | {"status": status | counts | {"unavailableReplicas": max(0, len(live) - up)}})


def shrink(path: Path) -> None:
    """Write the file anew, in as few bytes as there is time for: a recorder has none, a corpus is written once.

    In small pages a third less is empty, and frames that are deflated with effort are a sixth smaller.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    with connection:
        frames = connection.execute("SELECT id, data FROM frames").fetchall()
        smaller = ((_deflated(zlib.decompress(data)), number) for number, data in frames)
        connection.execute("BEGIN")
        connection.executemany("UPDATE frames SET data = ? WHERE id = ?", smaller)
        connection.execute("COMMIT")
    connection.execute("PRAGMA auto_vacuum = NONE")
    sizes = {page: _vacuumed(connection, path, page) for page in _PAGES}
    _vacuumed(connection, path, min(_PAGES, key=lambda page: sizes[page]))
    connection.close()


_PAGES = (1024, 512)
"""Bytes of a page: of which least is empty depends on how long the frames are."""


def _vacuumed(connection: sqlite3.Connection, path: Path, page: int) -> int:
    connection.execute(f"PRAGMA page_size = {page}")
    connection.execute("VACUUM")
    return path.stat().st_size


def _deflated(data: bytes) -> bytes:
    """The smallest of what the strategies of zlib make of it."""
    made = (zlib.compressobj(9, memLevel=9, strategy=one) for one in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED))
    return min((b"".join((one.compress(data), one.flush())) for one in made), key=len)


def _key(raw: Raw) -> str:
    return f"{raw['metadata']['namespace']}/{raw['metadata']['name']}"


def _owner(raw: Raw) -> str:
    return next((one["name"] for one in raw["metadata"].get("ownerReferences", ()) if one.get("controller")), "")


def share(since: float) -> float:
    """The share of a window that is after a change so many seconds ago."""
    return min(1.0, since / WINDOW)
