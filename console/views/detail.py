"""The details of one pod or one workload, as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.views.alert_marks import alert_section
from console.views.baselines import baseline_lines
from console.views.canary import canary_text
from console.views.gpus import gpu_lines
from console.views.kube_object import condition_lines, container_lines, event_lines, version_lines
from console.views.layout import head, labelled, packed, pairs, sections
from console.views.load import has_load, latency_lines, load_lines, phase_lines
from console.views.missing_numbers import gateway_lines, unexposed_lines
from console.views.plots import plot_block
from console.views.products import product_of, products_of
from console.views.root_words import root_reason
from console.views.subject import assessment_of
from console.views.versions import workload_version_lines
from console.views.workload_pods import NO_STARTS, Loading, member_lines, start_seconds, startup_lines
from fleet.model.baseline import Baselines
from fleet.model.counting import count
from fleet.model.objects import Pod, Workload
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Line, Span, spans_width
from widgets.severity import severity_role, severity_span
from widgets.untrusted import untrusted, untrusted_name
from widgets.values import age_text


def detail_lines(
    snapshot: Snapshot,
    key: str,
    width: int,
    glyphs: Glyphs,
    usual: Baselines | None = None,
    starts: Mapping[str, Loading] = NO_STARTS,
) -> list[Line]:
    """Return the page of a pod or a workload, with baselines; one line if it is gone.

    ``starts``: pod key → loading progress.
    """
    if key not in snapshot.pods and key not in snapshot.workloads:
        # Out of view does not mean deleted.
        snapshot = snapshot.everything
    pod, workload = snapshot.pods.get(key), snapshot.workloads.get(key)
    if pod is not None:
        return _pod_page(snapshot, pod, usual, width, glyphs, starts)
    if workload is not None:
        return _workload_page(snapshot, workload, usual, width, glyphs, starts)
    return [Line((Span(f" {untrusted_name(key)} is gone", Role.GONE),))]


def _title(
    snapshot: Snapshot, key: str, name: str, facts: Sequence[tuple[str, Span]], width: int, glyphs: Glyphs
) -> list[Line]:
    """Return name and reason, and the facts beside them or, without room, below."""
    standing = assessment_of(snapshot, key)
    spans = [Span(" "), severity_span(standing.severity, glyphs), Span(f" {untrusted_name(name)}", Role.STRONG)]
    if reason := root_reason(snapshot, key):
        spans.append(Span(f"  {untrusted(reason)}", severity_role(standing.severity)))
    beside = (*spans, Span("   "), *pairs(facts))
    return [Line(beside)] if spans_width(beside) <= width else [Line(tuple(spans)), *packed("", facts, width)]


def _pod_page(
    snapshot: Snapshot,
    pod: Pod,
    usual: Baselines | None,
    width: int,
    glyphs: Glyphs,
    starts: Mapping[str, Loading],
) -> list[Line]:
    key, frame, now = pod.key, snapshot.by_pod, snapshot.at
    reasons = root_reason(snapshot, key).split(", ")
    facts = [] if pod.status in reasons else [("", Span(untrusted(pod.status)))]
    facts.append(("on", Span(untrusted(pod.node) or "no node")))
    if pod.created:
        facts.append(("age", Span(age_text(now - pod.created))))
    facts.append(("restarts", Span(str(pod.restarts), Role.WARNING if pod.restarts else Role.TEXT)))
    if pod.ip:
        facts.append(("ip", Span(untrusted(pod.ip))))
    if product := product_of(snapshot, key):
        facts.append(("engine", Span(product)))
    if (asked := canary_text(snapshot, key)) is not None:
        facts.append(("canary", asked))
    engines = snapshot.engines_of.get(key, ())
    measured = engines or snapshot.workload_of.get(key, "") in snapshot.model_of
    life = (
        condition_lines(pod.conditions, now, width, glyphs),
        container_lines(pod.containers, now, width),
        event_lines((e for e in snapshot.events if e.involved_uid == pod.uid), now, width, glyphs, page_of=pod.name),
    )
    load = (
        _engines(snapshot, engines, width, glyphs) if measured else [],
        latency_lines(snapshot, frame, key, width, glyphs) if engines else [],
        baseline_lines(snapshot, frame, key, usual, width, glyphs) if engines else [],
        phase_lines(frame, key, width, glyphs) if engines else [],
        unexposed_lines(snapshot, (key,), width),
        _pod_gpus(snapshot, pod, width, glyphs),
        _unmatched(snapshot, key),
        version_lines(pod.version, pod.version.digest, width),
    )
    return sections(
        [
            *_title(snapshot, key, pod.name, facts, width, glyphs),
            *startup_lines(pod, starts.get(key), _usual_start(snapshot, pod), now, width, 3),
        ],
        alert_section(snapshot, key, width),
        # For a serving pod the load matters; for any other, the reason.
        *((*load, *life) if pod.ready else (*life, *load)),
        plot_block(snapshot, key, width, glyphs) if measured else [],
    )


def _usual_start(snapshot: Snapshot, pod: Pod) -> float | None:
    """Return how long its peers took to become ready; None if the pod is ready."""
    peers = () if pod.ready else snapshot.pods_of.get(snapshot.workload_of.get(pod.key, ""), ())
    return start_seconds([snapshot.pods[peer] for peer in peers])


def _pod_gpus(snapshot: Snapshot, pod: Pod, width: int, glyphs: Glyphs) -> list[Line]:
    def ordinal(gpu: str) -> tuple[int, str]:
        number = snapshot.gpus[gpu].ordinal
        return (int(number) if number.isdigit() else 1 << 30, gpu)

    gpus = sorted(snapshot.gpus_of.get(pod.key, ()), key=ordinal)
    lacking = pod.gpus - len(gpus)
    absent = ""
    if lacking > 0 and not pod.node:
        absent = f"requests {pod.gpus}, and has none until it is on a node"
    elif lacking > 0:
        absent = f"{lacking} of {pod.gpus} not measured"
    return gpu_lines(snapshot, gpus, absent, width, glyphs)


def _engines(snapshot: Snapshot, engines: Sequence[str], width: int, glyphs: Glyphs) -> list[Line]:
    if not engines:
        return [head("engine", "not measured, or not yet")]
    lines: list[Line] = []
    for key in engines:
        engine = snapshot.engines[key]
        number = f" {engine.engine}" if len(engines) > 1 else ""
        title = untrusted(engine.model)
        if name := snapshot.measured_by.get(key):
            title += f"   from {name}"
        lines += [head(f"engine{number}", title), *load_lines(snapshot.by_engine, key, width, glyphs)]
    return lines


def _unmatched(snapshot: Snapshot, key: str) -> list[Line]:
    joins = [entry for entry in snapshot.unmatched if entry.key == key]
    if not joins:
        return []
    return [
        head("objects that could not be joined"),
        *(labelled("", Span(str(j.join), Role.UNKNOWN), Span(f"  {untrusted(j.detail)}", Role.DIM)) for j in joins),
    ]


def _workload_page(
    snapshot: Snapshot,
    workload: Workload,
    usual: Baselines | None,
    width: int,
    glyphs: Glyphs,
    starts: Mapping[str, Loading],
) -> list[Line]:
    key, frame, now = workload.key, snapshot.by_workload, snapshot.at
    serving = snapshot.models.get(snapshot.model_of.get(key, ""))
    pods = [snapshot.pods[pod] for pod in snapshot.pods_of.get(key, ())]
    facts = [("", Span(untrusted(workload.kind))), ("ready", _ready(workload))]
    if serving is not None:
        facts.append(("serves", Span(untrusted_name(serving.name))))
    members = [pod.key for pod in pods]
    if product := products_of(snapshot, key):
        facts.append(("engine", Span(product)))
    if workload.created:
        facts.append(("age", Span(age_text(now - workload.created))))
    if (asked := canary_text(snapshot, key)) is not None:
        facts.append(("canary through the gateway", asked))
    uids = {workload.uid, *(pod.uid for pod in pods)} - {""}
    life = (
        _rollout(snapshot, workload, pods),
        workload_version_lines(workload, pods, now, width),
        condition_lines(workload.conditions, now, width, glyphs),
        event_lines((e for e in snapshot.events if e.involved_uid in uids), now, width, glyphs, page_of=workload.name),
    )
    loaded = serving is not None and has_load(frame, key)
    of = "of its only pod" if len(pods) == 1 else f"of its {count(len(pods), 'pod')}"
    load = (
        [head("load", of), *load_lines(frame, key, width, glyphs)] if loaded else [],
        latency_lines(snapshot, frame, key, width, glyphs) if loaded else [],
        baseline_lines(snapshot, frame, key, usual, width, glyphs) if loaded else [],
        phase_lines(frame, key, width, glyphs) if loaded else [],
        [] if loaded or serving is None else [head("load", "its requests are not measured now")],
        unexposed_lines(snapshot, members, width),
        gateway_lines(snapshot, serving.key, width, glyphs) if serving else [],
    )
    complete = workload.ready >= workload.desired
    return sections(
        _title(snapshot, key, workload.name, facts, width, glyphs),
        member_lines(snapshot, pods, width, glyphs, starts),
        alert_section(snapshot, key, width),
        _objectives(snapshot, key, width, glyphs),
        *((*load, *life) if complete else (*life, *load)),
        plot_block(snapshot, key, width, glyphs) if serving else [],
    )


def _objectives(snapshot: Snapshot, key: str, width: int, glyphs: Glyphs) -> list[Line]:
    if "objectives" not in snapshot.facts.by_source:
        return []
    # Not needed before there are some.
    from console.views.objectives import objective_lines

    return objective_lines(snapshot, key, width, glyphs)


def _ready(workload: Workload) -> Span:
    complete = workload.ready >= workload.desired
    return Span(f"{workload.ready}/{workload.desired}", Role.TEXT if complete else Role.WARNING)


def _rollout(snapshot: Snapshot, workload: Workload, pods: Sequence[Pod]) -> list[Line]:
    """Return replicas, autoscaler, and disruption budget."""
    counts = [("desired", workload.desired), ("updated", workload.updated), ("available", workload.available)]
    lines = [head("replicas"), labelled("", *pairs((name, Span(str(count))) for name, count in counts))]
    if workload.paused:
        lines.append(labelled("rollout", Span("paused", Role.WARNING)))
    scaler = snapshot.autoscalers.get(workload.key)
    if scaler is not None:
        role = Role.WARNING if scaler.current >= scaler.maximum else Role.TEXT
        range_ = f"{scaler.current} of {scaler.minimum} to {scaler.maximum}, wants {scaler.desired}"
        lines.append(labelled("autoscaler", Span(untrusted_name(scaler.name)), Span(f"   {range_}", role)))
    labels = pods[0].labels if pods else workload.selector
    for budget in snapshot.budgets:
        protects = budget.namespace == workload.namespace and budget.selector.items() <= labels.items()
        if protects and budget.selector:
            words = (
                f"{budget.allowed} may be disrupted ({budget.current_healthy} healthy, needs {budget.desired_healthy})"
            )
            lines.append(
                labelled(
                    "budget",
                    Span(untrusted_name(budget.name)),
                    Span(f"   {words}", Role.TEXT if budget.allowed else Role.WARNING),
                )
            )
    return lines
