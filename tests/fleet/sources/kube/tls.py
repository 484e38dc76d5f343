"""An API server that speaks TLS."""

from __future__ import annotations

import base64
import ssl
from typing import Any

import trustme
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fleet.sources.kube.kubeconfig import Access


class Tls:
    """An https server that asks for client certificates, and the authority that both sides trust."""

    def __init__(self, name: str = "127.0.0.1") -> None:
        self.authority = trustme.CA()
        self.name = name
        self.subjects: list[str] = []
        self.refused: set[str] = set()
        """Subjects that are answered 401 from now on."""
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.authority.issue_cert(self.name).configure_cert(context)
        self.authority.configure_trust(context)
        context.verify_mode = ssl.CERT_OPTIONAL

        async def handle(request: web.Request) -> web.StreamResponse:
            assert request.transport is not None
            certificate = request.transport.get_extra_info("peercert")
            subject = dict(pair[0] for pair in certificate["subject"]) if certificate else {}
            self.subjects.append(subject.get("commonName", ""))
            if self.subjects[-1] in self.refused:
                return web.json_response({"kind": "Status", "message": "Unauthorized"}, status=401)
            return web.json_response({"gitVersion": "v1"})

        app = web.Application()
        app.router.add_get("/version", handle)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def access(self, user: dict[str, Any], **cluster: Any) -> Access:
        server = f"https://127.0.0.1:{self.port}"
        return Access("tls", "tls", "tester", "", server, {"server": server, **cluster}, user)

    def certificate(self, name: str) -> tuple[bytes, bytes]:
        issued = self.authority.issue_cert("client.example.com", common_name=name)
        return issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes()


def private_key(passphrase: bytes) -> bytes:
    """A key in PEM that only this opens."""
    encryption = serialization.BestAvailableEncryption(passphrase)
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
