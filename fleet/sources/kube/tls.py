"""TLS to an API server: the certificates of a kubeconfig, and the ``ssl`` context for them.

Built from the fields themselves. The client of the ``kubernetes`` package builds the same context, after half a second
of imports, from files that exist for the life of the process: a key that is inline in a kubeconfig would be on the
disk.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, NoReturn

from fleet.dataclass import dataclass
from fleet.net.certificates import Validity, note_peers, validity_in, validity_of

Pem = Path | bytes
"""A file of certificates or of a key, or its content."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Authorities and certificates; equal ones make equal contexts, but for files that were replaced in place."""

    authority: Pem | None = None
    """Certificate authority of the server; None for the system's."""
    verify: bool = True
    server_name: str = ""
    """The name in the server's certificate, if it differs from the one in its URL."""
    certificate: Pem | None = None
    key: Pem | None = field(default=None, repr=False)

    @property
    def from_files(self) -> bool:
        """True if the client's certificate is a file, which may have been replaced in place."""
        return isinstance(self.certificate, Path) or isinstance(self.key, Path)


def tls_of(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> Tls:
    """Return the settings of a cluster and of a user. Raises ValueError for data that is not base64."""
    return Tls(
        authority=_pem(cluster, "certificate-authority"),
        # Only a literal true disables verification.
        verify=cluster.get("insecure-skip-tls-verify") is not True,
        server_name=str(cluster.get("tls-server-name") or ""),
        certificate=_pem(user, "client-certificate"),
        key=_pem(user, "client-key"),
    )


@dataclass(slots=True)
class SeenCertificates:
    """The dates of the certificates of a server and of whoever asks it, as they were seen last; None for not seen."""

    server: Validity | None = None
    client: Validity | None = None

    def note_server(self, der: bytes) -> None:
        """Note the certificate that a server has shown."""
        self.server = validity_of(der)


def context_of(tls: Tls, seen: SeenCertificates | None = None) -> ssl.SSLContext:
    """Return the context; slow with the system's authorities: call it off the event loop.

    Certificates that are shown are noted in ``seen``.
    Raises ssl.SSLError, OSError and ValueError for certificates and keys that cannot be used.
    """
    context = ssl.create_default_context(
        cafile=tls.authority if isinstance(tls.authority, Path) else None,
        # PEM as text must be ASCII; other characters are in the comments between certificates.
        cadata=tls.authority.decode("ascii", "ignore") if isinstance(tls.authority, bytes) else None,
    )
    if tls.certificate is not None:
        with _file(tls.certificate) as certificate, _file(tls.key or tls.certificate) as key:
            context.load_cert_chain(certificate, key, password=_encrypted)
            if seen is not None:
                seen.client = validity_in(certificate.read_bytes())
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if seen is not None:
        note_peers(context, seen.note_server)
    return context


def _pem(settings: Mapping[str, Any], name: str) -> Pem | None:
    data, file = settings.get(f"{name}-data"), settings.get(name)
    if data:
        return base64.standard_b64decode(data)
    return Path(file) if file else None


@contextmanager
def _file(pem: Pem) -> Iterator[Path]:
    """Yield a file with this content: OpenSSL reads a client's certificate and key from files only.

    A temporary file is readable by its owner only, and deleted at the end.
    """
    if not isinstance(pem, bytes):
        yield pem
        return
    with NamedTemporaryFile(prefix="quarterdeck-") as made:
        made.write(pem)
        made.flush()
        yield Path(made.name)


def _encrypted() -> NoReturn:
    """Raise instead of letting OpenSSL prompt on the terminal, which nobody would see."""
    raise ValueError("the client key is encrypted, which no Kubernetes client can use")
