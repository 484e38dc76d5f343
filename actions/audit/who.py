"""The acting user: the identity in the cluster, and the user of this machine."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Iterable, Mapping

from fleet.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Who:
    """The user. ``identity`` and ``groups`` are the cluster's answer to a SelfSubjectReview.

    ``local_user`` and ``uid`` are the operating system's. ``ssh_origin`` and ``sudo_user`` come from the environment,
    which the user who starts the program can set.
    """

    identity: str
    groups: tuple[str, ...]
    local_user: str
    host: str
    ssh_origin: str
    """Address and port from which the SSH session came; empty outside of one."""
    uid: int = -1
    sudo_user: str = ""

    @classmethod
    def of_this_process(cls, identity: str, groups: Iterable[str], environ: Mapping[str, str] = os.environ) -> Who:
        """Return the user of this process, with their identity in the cluster."""
        return cls(
            identity=identity,
            groups=tuple(groups),
            local_user=login(os.getuid()),
            host=socket.gethostname(),
            ssh_origin=_origin(environ),
            uid=os.getuid(),
            sudo_user=environ.get("SUDO_USER", ""),
        )


def login(uid: int) -> str:
    """The name of a user of this machine; the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # a container that runs as a number
        return str(uid)


def _origin(environ: Mapping[str, str]) -> str:
    """sshd sets ``SSH_CONNECTION`` to client address, client port, server address, server port."""
    parts = (environ.get("SSH_CONNECTION") or environ.get("SSH_CLIENT") or "").split()
    return f"{parts[0]} port {parts[1]}" if len(parts) > 1 else "".join(parts)
