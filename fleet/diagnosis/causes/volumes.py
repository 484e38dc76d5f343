"""Volumes that are not provisioned, not attached or not mounted: what the events of a pod and of its claims say.

The reasons and words are those of kubernetes/pkg/controller/volume, kubernetes/pkg/volume and of the external
provisioners.
"""

from __future__ import annotations

from fleet.diagnosis.cause import Help, Stage, says
from fleet.diagnosis.causes.symptoms import HELD_UP
from fleet.diagnosis.families.reported_cause import ReportedCause
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.pod_reports import CREATED, PodReports, Reported, quoting
from fleet.model.severity import Severity

DESCRIBE = Help("see what the kubelet reports", "describe")
NODES = Help("see its node", "nodes")
_UNPLACED: Fact[PodReports] = Fact(
    "it has no node", "spec.nodeName", lambda of: of.pod.phase == "Pending" and not of.pod.node
)
WAITS: Fact[PodReports] = Fact("it is waiting to be created", "status.phase", lambda of: of.pod.phase == "Pending")
_ATTACHES, _MOUNTS = ("FailedAttachVolume",), ("FailedMount", "FailedMapVolume")
_NO_DRIVER = r"list of registered CSI drivers|does not contain driver"
_NO_SOURCE = (
    r'(?:secret|configmap|persistentvolumeclaim|serviceaccounts) "[^"]*" not found|references non-existent|'
    r'hostPath type check failed|is not a dir|path "[^"]*" does not exist|No such file or directory'
)

_NO_VOLUME = Reported(
    "its claim gets no volume",
    ("ProvisioningFailed", "FailedBinding", "ClaimLost", "ClaimMisbound", "ExternalProvisioning"),
    "",
    ("ProvisioningSucceeded",),
)
_NOT_ATTACHED = Reported("attaching fails", _ATTACHES, f"^(?!.*(?:Multi-Attach|{_NO_DRIVER}))", CREATED)
_SOURCE_MISSING = Reported("its source is missing", _MOUNTS, _NO_SOURCE, CREATED)
_NOT_MOUNTED = Reported("mounting fails", _MOUNTS, "", CREATED)

NOT_PROVISIONED = ReportedCause(
    id="volume-not-provisioned",
    stage=Stage.PLACING,
    severity=Severity.WARNING,
    sentence="A volume claim of the pod gets no volume: its storage class, its provisioner or a quota is in the way.",
    words=quoting("its volume is not provisioned", _NO_VOLUME),
    must=(_UNPLACED, _NO_VOLUME),
    explains=("volume-not-bound", "volume-claim-missing", "unschedulable", "not-scheduled", *HELD_UP),
    peers=True,
    after=60,
    lookalikes=("volume-not-bound",),
    helps=(
        Help("see the claim, its class and its events", "describe"),
        Help("see what changed before", "past"),
        Help("roll back to the previous revision", "rollback"),
    ),
    avoid=("Do not delete the claim: the data on a volume that it had is lost with it.",),
    decides=("whether other claims of that class get volumes: if none does, its provisioner is down",),
)
ATTACHED_ELSEWHERE = ReportedCause(
    id="volume-attached-elsewhere",
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="The pod's volume is still attached to another node, and can be attached to only one.",
    words=says("its volume is attached elsewhere"),
    must=(WAITS, Reported("it is used elsewhere", _ATTACHES, "Multi-Attach", CREATED)),
    explains=HELD_UP,
    peers=True,
    after=60,
    lookalikes=("image-not-pulled",),
    helps=(DESCRIBE, Help("see where it ran before", "past"), NODES),
    avoid=("Do not force-delete the old pod while its node may still be alive: both would write to the volume.",),
    decides=("whether the old node is alive: if it is gone for good, give it the out-of-service taint",),
)
DRIVER_MISSING = ReportedCause(
    id="csi-driver-missing",
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="The driver of the pod's volume is not registered on its node.",
    words=says("its volume's driver is not on the node"),
    must=(WAITS, Reported("the driver is not registered there", (*_ATTACHES, *_MOUNTS), _NO_DRIVER, CREATED)),
    explains=HELD_UP,
    peers=True,
    # A node that has just joined registers its drivers within a minute or two.
    after=120,
    lookalikes=("volume-not-attached", "volume-not-mounted"),
    helps=(DESCRIBE, NODES, Help("keep new pods off its node", "cordon")),
    avoid=("Do not delete the pod before another node has the driver: its successor waits in the same way.",),
    decides=("whether the pod of the driver's DaemonSet runs on this node: a taint may keep it off",),
)
NOT_ATTACHED = ReportedCause(
    id="volume-not-attached",
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="A volume of the pod cannot be attached to its node.",
    words=quoting("its volume is not attached", _NOT_ATTACHED),
    must=(WAITS, _NOT_ATTACHED),
    explains=HELD_UP,
    peers=True,
    after=60,
    helps=(DESCRIBE, NODES),
)
MOUNT_SOURCE = ReportedCause(
    id="volume-source-missing",
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="A Secret, ConfigMap, path or account that the pod mounts something of does not exist.",
    words=quoting("a mounted object is missing", _SOURCE_MISSING),
    must=(WAITS, _SOURCE_MISSING),
    explains=HELD_UP,
    peers=True,
    after=60,
    helps=(DESCRIBE, Help("roll back to the previous revision", "rollback")),
    lookalikes=("container-not-created",),
)
OWNERSHIP_SLOW = ReportedCause(
    id="volume-ownership-slow",
    stage=Stage.STARTING,
    severity=Severity.WARNING,
    sentence="The kubelet is still giving all files of a volume to the pod's group (fsGroup), one after the other.",
    words=says("volume ownership is being changed"),
    must=(WAITS, Reported("it changes owners", ("VolumePermissionChangeInProgress",), "", CREATED)),
    explains=(*HELD_UP, "volume-not-mounted"),
    peers=True,
    after=60,
    helps=(
        DESCRIBE,
        Help("set fsGroupChangePolicy: OnRootMismatch, so that it is done once"),
        Help("roll back to the previous revision", "rollback"),
    ),
    avoid=("Do not delete the pod: its successor starts with the first file again.",),
)
NOT_MOUNTED = ReportedCause(
    id="volume-not-mounted",
    stage=Stage.STARTING,
    severity=Severity.CRITICAL,
    sentence="A volume of the pod cannot be mounted on its node.",
    words=quoting("its volume is not mounted", _NOT_MOUNTED),
    must=(WAITS, _NOT_MOUNTED),
    must_not=tuple(one.must[1] for one in (ATTACHED_ELSEWHERE, DRIVER_MISSING, NOT_ATTACHED, MOUNT_SOURCE)),
    explains=HELD_UP,
    peers=True,
    after=60,
    helps=(DESCRIBE, NODES),
)
OF_VOLUMES = (
    NOT_PROVISIONED,
    ATTACHED_ELSEWHERE,
    DRIVER_MISSING,
    NOT_ATTACHED,
    MOUNT_SOURCE,
    OWNERSHIP_SLOW,
    NOT_MOUNTED,
)
