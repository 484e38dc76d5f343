"""Services in front of engines that answer nobody, while the engines behind them are well."""

from __future__ import annotations

from fleet.diagnosis.cause import Help
from fleet.diagnosis.families.service_cause import ServiceCause
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.serving import FrontSubject
from fleet.model.severity import Severity

_SERVES: Fact[FrontSubject] = Fact(
    "engines are ready", "condition Ready of the pods", lambda subject: subject.serves and subject.ready > 0
)
_NOTHING_RUNS: Fact[FrontSubject] = Fact(
    "nothing runs in them any more", "requests_running", lambda subject: subject.running == 0
)

SELECTS_NOTHING = ServiceCause(
    id="service-selects-nothing",
    severity=Severity.WARNING,
    sentence="A Service selects none of the pods that it is for: its callers get no answer.",
    words=lambda subject: f"Service {', '.join(subject.empty)} selects no pod",
    must=(
        _SERVES,
        Fact[FrontSubject](
            "no pod has the labels of its selector",
            "spec.selector of the Service, labels of the pods",
            lambda subject: bool(subject.empty),
            lambda subject: f"Service {', '.join(subject.empty)}" if subject.empty else "its Services select pods",
        ),
    ),
    serious=(_NOTHING_RUNS,),
    explains=("route-leads-nowhere",),
    after=60,
    helps=(
        Help("see its selector, and the labels of the pods", "describe"),
        Help("see who changed one of them", "past"),
    ),
    avoid=("Do not restart the engines: they are healthy but receive no requests.",),
    decides=("which changed last: the Service's selector or the pods' labels",),
)
LEADS_NOWHERE = ServiceCause(
    id="service-port-wrong",
    severity=Severity.WARNING,
    sentence="A Service leads to a port at which none of its pods listens: its callers' connections fail.",
    words=lambda subject: f"Service {', '.join(subject.dead)} of no pod",
    must=(
        _SERVES,
        Fact[FrontSubject](
            "none of its pods has the port",
            "spec.ports.targetPort of the Service, ports and arguments of the pods",
            lambda subject: bool(subject.dead),
            lambda subject: f"Service {', '.join(subject.dead)}" if subject.dead else "its Services lead to its ports",
        ),
    ),
    serious=(_NOTHING_RUNS,),
    after=60,
    lookalikes=("service-selects-nothing", "route-leads-nowhere", "policy-lets-nobody-in"),
    helps=(
        Help("see its targetPort, and the ports of the pods", "describe"),
        Help("see who changed one of them", "past"),
    ),
    avoid=("Do not restart the engines: they are healthy but receive no requests.",),
    decides=("which changed last: the Service's targetPort, or --port of the engine",),
)
MIXES = ServiceCause(
    id="service-mixes-models",
    severity=Severity.WARNING,
    sentence="The Service of a model selects pods of another model, too: those answer a part of its requests.",
    words=lambda subject: f"Service {', '.join(subject.mixed)} gets its requests, too",
    must=(
        _SERVES,
        Fact[FrontSubject](
            "its Service selects pods of other models",
            "spec.selector of the Service, labels of the pods",
            lambda subject: bool(subject.mixed),
            lambda subject: f"Service {', '.join(subject.mixed)}" if subject.mixed else "its Services select its pods",
        ),
    ),
    explains=("clients-refused", "errors", "replica-unused"),
    after=60,
    lookalikes=("service-selects-nothing", "service-port-wrong"),
    helps=(
        Help("see its selector, and the labels of the pods", "describe"),
        Help("see who changed one of them", "past"),
    ),
    avoid=("Do not trust that requests succeed: an engine that does not check the name answers with the wrong model.",),
    decides=("which label tells the two workloads apart: the selector needs it",),
)
