"""Signs of containers that do not run, as the kubelet reports them, in kubectl's words.

The reasons are those of kubernetes/pkg/kubelet (container and image errors); runtimes have more of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.gist import gist
from fleet.diagnosis.subjects.subject import PodSubject
from fleet.model.objects import Container

SIGNALS = {134: "SIGABRT", 135: "SIGBUS", 137: "SIGKILL", 139: "SIGSEGV", 143: "SIGTERM"}
"""Exit codes of processes that a signal ended: 128 and its number."""
_SHELL = {126: "not executable", 127: "command not found"}
_LONGEST = 160
"""Characters of a container's last line that are shown."""
_PLAIN = frozenset({"", "ContainerCreating", "PodInitializing", "CrashLoopBackOff"})
"""Reasons of waiting containers that are no error of their creation."""
_IMAGE_REASONS = frozenset(
    {
        "ImagePullBackOff",
        "ErrImagePull",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
_NOT_STARTED = frozenset({"StartError", "ContainerCannotRun", "ContainerStartError"})
"""Reasons of the end of a container whose process the runtime never started."""


def status(subject: PodSubject) -> str:
    """Return the state that kubectl prints."""
    return subject.pod.status


def of_container(subject: PodSubject) -> str:
    """Return the state that kubectl prints and, of several containers, which of them do not run."""
    pod = subject.pod
    names = [
        one.name for one in pod.containers if one.state != "running" and (one.restarts or one.reason not in _PLAIN)
    ]
    one_of_many = names and sum(not one.init for one in pod.containers) > 1
    return f"{pod.status}: {', '.join(names)}" if one_of_many else pod.status


def main_containers(subject: PodSubject) -> Iterator[Container]:
    """Yield the containers other than init containers."""
    return (one for one in subject.pod.containers if not one.init)


def _reasons(containers: Iterable[Container]) -> str:
    """Return why containers wait, each reason once with the kubelet's message."""
    texts = (f"{one.reason}: {one.message}" if one.message else one.reason for one in containers)
    return "; ".join(dict.fromkeys(texts))


def reason_is(*reasons: str) -> Fact[PodSubject]:
    """The kubelet gives one of these as the reason."""
    those = frozenset(reasons)

    def shown(subject: PodSubject) -> str:
        return _reasons(one for one in subject.pod.containers if one.reason in those) or subject.pod.message

    return Fact(
        f"its status is {' or '.join(reasons)}",
        "status.containerStatuses",
        lambda subject: subject.stopped_by in those,
        shown,
    )


def _exit(container: Container) -> str:
    code = container.last_exit_code
    meaning = SIGNALS.get(code or 0) or _SHELL.get(code or 0)
    lines = container.last_message.strip().splitlines()
    message = f": {lines[-1].strip()[:_LONGEST]}" if lines else ""
    ended = f"{container.name} exit code {code}" + (f" ({meaning})" if meaning else "")
    return f"{ended}, {container.last_reason}{message}"


def _ended(subject: PodSubject) -> list[Container]:
    return [one for one in subject.pod.containers if one.last_exit_code is not None]


LAST_END: Fact[PodSubject] = Fact(
    "its last termination",
    "lastState.terminated",
    lambda subject: bool(_ended(subject)),
    lambda subject: "; ".join(map(_exit, _ended(subject))),
)


def deaths(subject: PodSubject) -> Sequence[str]:
    """Return why stopped containers ended: their status or, while they wait for a restart, the previous termination."""
    if subject.stopped_by != "CrashLoopBackOff":
        return (subject.stopped_by,)
    waiting = [one for one in subject.pod.containers if one.reason == "CrashLoopBackOff" and one.last_reason]
    return list(dict.fromkeys(one.last_reason for one in waiting))


def _died_of(container: Container, reasons: frozenset[str]) -> str:
    """Return what the runtime says of a container that ended for one of these reasons; empty for another."""
    if container.state == "terminated" and container.reason in reasons:
        return container.message or container.reason
    if container.reason == "CrashLoopBackOff" and container.last_reason in reasons:
        return container.last_message or container.last_reason
    return ""


def start_error(subject: PodSubject) -> str:
    """Return why the runtime cannot start a container's process; empty where it can."""
    return next(filter(None, (_died_of(one, _NOT_STARTED) for one in subject.pod.containers)), "")


def is_of_image(reason: str) -> bool:
    """True for a reason that concerns an image."""
    return reason in _IMAGE_REASONS or "Image" in reason


def _is_of_hook(reason: str) -> bool:
    return reason.endswith("HookError")


def _waits_oddly(subject: PodSubject) -> list[Container]:
    waiting = (one for one in subject.pod.containers if one.state == "waiting")
    return [one for one in waiting if not (one.reason in _PLAIN or is_of_image(one.reason) or _is_of_hook(one.reason))]


def odd_wait(subject: PodSubject) -> str:
    """Return the state that kubectl prints, with the gist of what the kubelet says about it."""
    message = next((one.message for one in _waits_oddly(subject) if one.message), "")
    return f"{subject.pod.status}: {gist(message)}" if message else subject.pod.status


STOPPED: Fact[PodSubject] = Fact("it is not running", "status", lambda subject: subject.pod.status != "Running")
IMAGE: Fact[PodSubject] = Fact(
    "its image cannot be had",
    "status.containerStatuses",
    lambda subject: is_of_image(subject.stopped_by),
    lambda subject: _reasons(one for one in subject.pod.containers if is_of_image(one.reason)),
)
CONFIG: Fact[PodSubject] = Fact(
    "a container waits for a reason that is an error",
    "status.containerStatuses",
    lambda subject: bool(_waits_oddly(subject)),
    lambda subject: _reasons(_waits_oddly(subject)),
)
"""CreateContainerConfigError, RunContainerError and the like, and whatever else a kubelet or a runtime gives as one."""


def hook_error(subject: PodSubject) -> str:
    """Return the state that kubectl prints, with the gist of what the hook reported."""
    message = next((one.message for one in subject.pod.containers if _is_of_hook(one.reason) and one.message), "")
    return f"{subject.pod.status}: {gist(message)}" if message else subject.pod.status


HOOK: Fact[PodSubject] = Fact(
    "a lifecycle hook of it fails",
    "status.containerStatuses",
    lambda subject: _is_of_hook(subject.stopped_by),
    lambda subject: _reasons(one for one in subject.pod.containers if _is_of_hook(one.reason)),
)
NOT_STARTED: Fact[PodSubject] = Fact(
    "the runtime cannot start its process",
    "lastState.terminated",
    lambda subject: bool(start_error(subject)),
    start_error,
)
LOOP = reason_is("CrashLoopBackOff")
OOM: Fact[PodSubject] = Fact(
    "a container was OOM-killed",
    "status.containerStatuses",
    lambda subject: "OOMKilled" in deaths(subject),
    lambda subject: ", ".join(deaths(subject)),
)
_INIT_ENDS = ("Init:CrashLoopBackOff", "Init:Error", "Init:ExitCode", "Init:Signal")
INIT: Fact[PodSubject] = Fact(
    "an init container ends with an error",
    "status.initContainerStatuses",
    lambda subject: subject.pod.status.startswith(_INIT_ENDS),
    status,
)
ENGINE_RUNS: Fact[PodSubject] = Fact(
    "its other containers run",
    "status.containerStatuses",
    lambda subject: any(one.state == "running" for one in main_containers(subject)),
    lambda subject: ", ".join(one.name for one in subject.pod.containers if one.init and one.state != "running"),
)
"""Then all init containers have succeeded: one that fails is a sidecar (restartPolicy Always)."""


def _gate(subject: PodSubject) -> str:
    found = (one for one in subject.pod.conditions if one.type == "Ready" and one.reason == "ReadinessGatesNotReady")
    return next((one.message for one in found if one.status == "False"), "")


GATE: Fact[PodSubject] = Fact(
    "a readiness gate is closed", "condition Ready", lambda subject: bool(_gate(subject)), _gate
)
