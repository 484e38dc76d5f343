"""Services in front of engines: a Service that selects no pod answers nobody, while the engines behind it are well."""

from __future__ import annotations

from fleet.diagnosis.cause import Help
from fleet.diagnosis.serving import FrontSubject
from fleet.diagnosis.serving_causes import ServiceCause
from fleet.diagnosis.sign import Fact
from fleet.model.severity import Severity

SELECTS_NOTHING = ServiceCause(
    id="service-selects-nothing",
    severity=Severity.WARNING,
    sentence="A Service selects none of the pods that it is for: its callers get no answer.",
    words=lambda subject: f"Service {', '.join(subject.empty)} selects no pod",
    must=(
        Fact("engines are ready", "condition Ready of the pods", lambda subject: subject.serves and subject.ready > 0),
        Fact[FrontSubject](
            "no pod has the labels of its selector",
            "spec.selector of the Service, labels of the pods",
            lambda subject: bool(subject.empty),
            lambda subject: f"Service {', '.join(subject.empty)}" if subject.empty else "its Services select pods",
        ),
    ),
    serious=(Fact("nothing runs in them any more", "requests_running", lambda subject: subject.running == 0),),
    explains=("route-leads-nowhere",),
    after=60,
    helps=(
        Help("see its selector, and the labels of the pods", "describe"),
        Help("see who changed one of them", "past"),
    ),
    avoid=("Do not restart the engines: they are healthy but receive no requests.",),
    decides=("which changed last: the Service's selector or the pods' labels",),
)
