"""Credentials sent to the server: tokens from all places, passwords, impersonation; renewed when due."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest

from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import KubeconfigError, UnauthorizedError
from fleet.sources.kube.kubeconfig import Access, load_access
from tests.fleet.sources.kube.api import Api
from tests.fleet.sources.kube.users import authorization


async def test_a_token(api: Api) -> None:
    assert await authorization(api, {"token": "abc\n"}) == "Bearer abc"


async def test_basic(api: Api) -> None:
    expected = "Basic " + base64.b64encode(b"joe:pw").decode()
    assert await authorization(api, {"username": "joe", "password": "pw"}) == expected


async def test_nothing(api: Api) -> None:
    assert await authorization(api, {}) == ""


async def test_a_token_file_is_read_again_after_a_401(api: Api, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old\n", encoding="ascii")
    api.tokens = {"old"}
    client = KubeClient(api.access({"tokenFile": str(file)}))
    await client.get("/version")
    api.tokens = {"new"}
    file.write_text("new\n", encoding="ascii")
    await client.get("/version")
    await client.close()
    sent = [asked.headers["Authorization"] for asked in api.requests]
    assert sent == ["Bearer old", "Bearer old", "Bearer new"]


async def test_an_empty_token_file_is_said(api: Api, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("", encoding="ascii")
    with pytest.raises(KubeconfigError, match="is empty"):
        await authorization(api, {"tokenFile": str(file)})


async def test_a_refused_token_is_not_tried_twice(api: Api) -> None:
    api.tokens = {"good"}
    with pytest.raises(UnauthorizedError):
        await authorization(api, {"token": "bad"})
    assert len(api.requests) == 1


def kubeconfig(path: Path, user: dict[str, Any], server: str) -> Access:
    """An access that came from a file, and the file."""
    document = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "joe"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "joe", "user": user}],
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    return load_access(path)


async def test_a_login_in_another_terminal_helps(api: Api, tmp_path: Path) -> None:
    file, server = tmp_path / "config", api.access().server
    api.tokens = {"old"}
    client = KubeClient(kubeconfig(file, {"token": "old"}, server), renewal=0.0)
    await client.get("/version")
    api.tokens = {"new"}
    file.write_text("users: [half-writ", encoding="utf-8")
    with pytest.raises(UnauthorizedError):
        await client.get("/version")
    kubeconfig(file, {"token": "new"}, server)
    await client.get("/version")
    await client.close()
    assert api.requests[-1].headers["Authorization"] == "Bearer new"


def id_token(expires: float) -> str:
    parts: tuple[dict[str, Any], ...] = ({"alg": "none"}, {"exp": int(expires)}, {})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


def oidc(token: str, name: str = "oidc") -> dict[str, Any]:
    return {"auth-provider": {"name": name, "config": {"id-token": token, "refresh-token": "r"}}}


async def test_an_oidc_token_is_used_while_it_is_valid(api: Api) -> None:
    token = id_token(time.time() + 600)
    assert await authorization(api, oidc(token)) == f"Bearer {token}"


@pytest.mark.parametrize(
    ("user", "words"),
    [
        (oidc(id_token(1.0)), "has expired"),
        (oidc("rubbish"), "no usable id-token"),
        (oidc("a.b.c"), "no usable id-token"),
        (oidc("x", "gcp"), "auth-provider 'gcp'"),
    ],
)
async def test_an_oidc_token_that_is_of_no_use(api: Api, user: dict[str, Any], words: str) -> None:
    with pytest.raises(KubeconfigError, match=words) as caught:
        await authorization(api, user)
    assert "kubectl" in caught.value.remedy
    assert api.requests == []


async def test_impersonation(api: Api) -> None:
    client = KubeClient(api.access({"token": "t", "as": "jane", "as-uid": "7", "as-groups": ["dev"]}))
    await client.get("/version")
    await client.close()
    headers = api.requests[-1].headers
    assert (headers["Impersonate-User"], headers["Impersonate-Uid"], headers["Impersonate-Group"]) == (
        "jane",
        "7",
        "dev",
    )
