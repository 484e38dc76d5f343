"""Errors that the driver reports of a GPU (F18, F19). The codes' classes are those of NVIDIA's XID catalogue.

The gauge is sticky: it says that it happened, to this pod or to one before it, and not that it lasts.
"""

from __future__ import annotations

from fleet.diagnosis.cause import Cause, Help, Numbers, Of
from fleet.diagnosis.causes.symptoms import AWAY, STUCK
from fleet.diagnosis.sign import Code, Row
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Severity

HARDWARE = frozenset(
    {46, 48, 62, 64, 74, 79, 95, 109, 110, 119, 120, 136, 140, 143, *range(144, 151), 151, 155, 156, 158}
)
"""After these the GPU must be reset, drained or rebooted."""
ECHO = frozenset({37, 38, 43, 44, 45, 63, 66, 67, 121, 137, 141, 154})
"""These follow another event or only inform: no reason to call a GPU sick."""

_SAID = Numbers("XID {:.0f}", (Quantity.XID,))

HARDWARE_XID = Cause[Row](
    id="gpu-hardware-xid",
    of=Of.GPU,
    severity=Severity.CRITICAL,
    sentence="The GPU is broken, or has to be reset: its driver says so.",
    words=_SAID,
    must=(Code(Quantity.XID, HARDWARE),),
    explains=("gpu-throttled-by-hardware", "gpu-throttled-by-heat", "errors", *STUCK, *AWAY),
    helps=(
        Help("keep new pods away from the node", "cordon"),
        Help("see what the pod on it says", "logs"),
        Help("move the pods, then reset the GPU or reboot the node", "drain"),
    ),
    avoid=(
        "Do not reset it before the report of its driver is taken: the reset clears what proves the fault.",
        "Do not restart the pod on it: it comes back to the same GPU.",
    ),
)
APPLICATION_XID = Cause[Row](
    id="gpu-application-xid",
    of=Of.GPU,
    severity=Severity.WARNING,
    sentence="A program made an error on the GPU; the GPU itself need not be broken.",
    words=_SAID,
    must=(Code(Quantity.XID, HARDWARE | ECHO, but=True),),
    beside=True,
    explains=(*STUCK, *AWAY),
    helps=(Help("see what the program said", "previous"), Help("restart the pod: the GPU can stay", "restart")),
    avoid=("Do not drain the node: the same code comes back with the same program elsewhere.",),
    decides=("whether the same code is on GPUs of other nodes that run the same model",),
)
