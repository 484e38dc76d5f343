"""Kubeconfigs as kubectl reads them, and the messages about broken ones."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleet.sources.kube.errors import KubeconfigError
from fleet.sources.kube.kubeconfig import IN_CLUSTER, in_cluster, load_access, load_kubeconfig


def config(*names: str, current: str = "", server: str = "https://{}.example.com:6443", **user: Any) -> dict[str, Any]:
    """A kubeconfig with one context, cluster and user per name."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": current,
        "clusters": [{"name": n, "cluster": {"server": server.format(n)}} for n in names],
        "users": [{"name": n, "user": user or {"token": f"token-of-{n}"}} for n in names],
        "contexts": [{"name": n, "context": {"cluster": n, "user": n, "namespace": f"ns-{n}"}} for n in names],
    }


def write(path: Path, document: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document), encoding="utf-8")
    return path


def failure(*arguments: Any, **keywords: Any) -> KubeconfigError:
    with pytest.raises(KubeconfigError) as caught:
        load_access(*arguments, **keywords)
    return caught.value


def test_the_current_context_of_the_default_file(tmp_path: Path) -> None:
    file = write(tmp_path / ".kube" / "config", config("a", "b", current="b"))
    access = load_access(environ={"HOME": str(tmp_path)})
    assert (access.context, access.cluster, access.user, access.namespace) == ("b", "b", "b", "ns-b")
    assert access.server == "https://b.example.com:6443"
    assert access.user_settings == {"token": "token-of-b"}
    assert access.file == file


def test_a_context_chosen_by_name(tmp_path: Path) -> None:
    file = write(tmp_path / "config", config("a", "b", current="b"))
    assert load_access(file, "a").server == "https://a.example.com:6443"


def test_a_file_is_parsed_once_while_its_text_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    load = yaml.load

    def counted(text: str, loader: Any) -> Any:
        parsed.append(text)
        return load(text, loader)

    monkeypatch.setattr(yaml, "load", counted)
    file = write(tmp_path / "config", config("a", "b", current="b"))
    assert load_access(file).context == "b"
    assert list(load_kubeconfig(file).contexts) == ["a", "b"]
    assert len(parsed) == 1
    write(file, config("a", "c", current="c"))
    assert load_access(file).context == "c"
    assert len(parsed) == 2


def test_the_first_of_several_files_wins(tmp_path: Path) -> None:
    one = write(tmp_path / "one", config("a") | {"current-context": ""})
    two = write(tmp_path / "two", config("a", "b", current="b", server="https://other-{}.example.com"))
    three = write(tmp_path / "three", config("c", current="c"))
    missing = tmp_path / "missing"
    environ = {"KUBECONFIG": os.pathsep.join(map(str, (one, missing, "", two, three)))}
    merged = load_kubeconfig(environ=environ)
    assert merged.files == (one, two, three)
    assert merged.current == "b", "the first file that names one"
    assert set(merged.contexts) == {"a", "b", "c"}
    assert merged.access("a").server == "https://a.example.com:6443", "defined in the first file"
    assert merged.access("b").server == "https://other-b.example.com"


@pytest.mark.real("kubectl")
def test_several_files_are_merged_as_kubectl_merges_them(tmp_path: Path) -> None:
    files = [
        write(tmp_path / "one", config("a", "b", server="https://one-{}.example.com")),
        tmp_path / "missing",
        write(tmp_path / "two", config("b", "c", current="c", server="https://two-{}.example.com", token="two")),
        write(tmp_path / "three", config("a", "c", "d", current="a", server="https://three-{}.example.com")),
        write(tmp_path / "empty", ""),
    ]
    for order in (files, files[::-1], files[2:] + files[:2]):
        paths = os.pathsep.join(map(str, order))
        done = subprocess.run(
            ["kubectl", "config", "view", "--raw", "-o", "json"],
            env={**os.environ, "KUBECONFIG": paths, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
        theirs = json.loads(done.stdout)
        ours = load_kubeconfig(environ={"KUBECONFIG": paths})
        assert ours.current == theirs["current-context"]
        assert {name: dict(entry.settings) for name, entry in ours.clusters.items()} == {
            entry["name"]: entry["cluster"] for entry in theirs["clusters"]
        }
        assert {name: dict(entry.settings) for name, entry in ours.users.items()} == {
            entry["name"]: entry["user"] for entry in theirs["users"]
        }
        assert {
            name: {"cluster": context.cluster, "user": context.user, "namespace": context.namespace}
            for name, context in ours.contexts.items()
        } == {entry["name"]: entry["context"] for entry in theirs["contexts"]}


def test_an_explicit_file_is_the_only_one(tmp_path: Path) -> None:
    file = write(tmp_path / "explicit", config("a", current="a"))
    other = write(tmp_path / "other", config("b", current="b"))
    merged = load_kubeconfig(file, {"KUBECONFIG": str(other)})
    assert set(merged.contexts) == {"a"}


def test_relative_paths_start_at_the_file_that_names_them(tmp_path: Path) -> None:
    token = write(tmp_path / "two" / "secrets" / "token", "t0k3n")
    users = [{"name": "u", "user": {"tokenFile": "secrets/token"}}]
    one = write(tmp_path / "one" / "config", config("u", current="u") | {"users": []})
    two = write(tmp_path / "two" / "config", {"users": users})
    access = load_access(environ={"KUBECONFIG": f"{one}{os.pathsep}{two}"})
    assert access.user_settings == {"tokenFile": str(token)}
    assert access.file == two


def test_a_context_without_a_user_is_anonymous(tmp_path: Path) -> None:
    document = config("a", current="a")
    del document["contexts"][0]["context"]["user"]
    access = load_access(write(tmp_path / "config", document))
    assert (access.user, access.user_settings) == ("", {})


def test_credentials_are_not_printed(tmp_path: Path) -> None:
    file = write(tmp_path / "config", config("a", current="a"))
    assert "token-of-a" not in repr(load_access(file))
    assert "token-of-a" not in repr(load_kubeconfig(file))


def test_missing_file(tmp_path: Path) -> None:
    error = failure(tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in error.message
    assert "--kubeconfig" in error.message
    assert "demo" in error.remedy
    assert "KUBECONFIG" in failure(environ={"KUBECONFIG": str(tmp_path / "x")}).message


def test_half_written_yaml_names_file_and_line(tmp_path: Path) -> None:
    text = yaml.safe_dump(config("a", current="a"))
    file = write(tmp_path / "config", text[: text.index("server") + 3] + '\n  "unfinished')
    error = failure(file)
    assert error.message.startswith(f"{file}:")
    assert error.message.removeprefix(f"{file}:").split(":")[0].isdigit()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update({"current-context": ""}), ["no current-context", "--context", "a"]),
        (lambda d: d.update({"current-context": "zzz"}), ["no context 'zzz'", "a"]),
        (lambda d: d.update({"clusters": []}), ["names the cluster 'a', which is not defined"]),
        (lambda d: d.update({"users": []}), ["names the user 'a', which is not defined"]),
        (lambda d: d.update({"users": "nonsense"}), ["users is not a list"]),
        (lambda d: d.update({"contexts": [{"context": {}}]}), ["contexts[0] has no name"]),
        (lambda d: d["contexts"][0].update({"context": []}), ["is not a mapping"]),
        (
            lambda d: d["contexts"][0]["context"].update({"cluster": ["a"]}),
            ["cluster of context 'a'", "is not text but a list"],
        ),
        (lambda d: d["clusters"][0]["cluster"].update({"server": "example.com"}), ["no usable server", "https://"]),
        (lambda d: d["clusters"][0]["cluster"].pop("server"), ["no usable server"]),
        (
            lambda d: d["clusters"][0]["cluster"].update({"certificate-authority": "/nowhere/ca.crt"}),
            ["certificate-authority of cluster 'a'", "/nowhere/ca.crt does not exist"],
        ),
        (
            lambda d: d["users"][0]["user"].update({"client-certificate-data": "LS0t*!"}),
            ["client-certificate-data of user 'a'", "not base64"],
        ),
    ],
)
def test_broken_entries_say_what_and_where(tmp_path: Path, change: Any, words: list[str]) -> None:
    document = config("a", current="a")
    change(document)
    file = write(tmp_path / "config", document)
    error = failure(file)
    assert str(file) in error.message
    for word in words:
        assert word in f"{error.message} {error.remedy}"


def test_a_file_that_is_a_list_is_refused(tmp_path: Path) -> None:
    assert "not a mapping" in failure(write(tmp_path / "config", "- a\n- b\n")).message


def test_an_empty_file_has_no_current_context(tmp_path: Path) -> None:
    assert "no current-context" in failure(write(tmp_path / "config", "")).message


def test_binary_rubbish_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_bytes(b"\xff\xfe\x00\x01")
    assert str(file) in failure(file).message


def test_base64_over_several_lines_is_fine(tmp_path: Path) -> None:
    data = base64.b64encode(b"x" * 100).decode()
    folded = "\n".join(data[n : n + 40] for n in range(0, len(data), 40))
    document = config("a", current="a")
    document["clusters"][0]["cluster"]["certificate-authority-data"] = folded
    assert load_access(write(tmp_path / "config", document)).cluster_settings["certificate-authority-data"] == folded


@pytest.fixture
def service_account(tmp_path: Path) -> Path:
    """Create the files that the kubelet mounts into a pod."""
    folder = tmp_path / "serviceaccount"
    write(folder / "token", "pod-token\n")
    write(folder / "ca.crt", "PEM")
    write(folder / "namespace", "team-a")
    return folder


INSIDE = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def test_in_a_pod_the_service_account_is_used(tmp_path: Path, service_account: Path) -> None:
    access = load_access(environ={"HOME": str(tmp_path), **INSIDE}, service_account=service_account)
    assert (access.context, access.server, access.namespace) == (IN_CLUSTER, "https://10.0.0.1:443", "team-a")
    assert access.user_settings == {"tokenFile": str(service_account / "token")}
    assert access.cluster_settings["certificate-authority"] == str(service_account / "ca.crt")


def test_a_kubeconfig_goes_before_the_service_account(tmp_path: Path, service_account: Path) -> None:
    write(tmp_path / ".kube" / "config", config("a", current="a"))
    access = load_access(environ={"HOME": str(tmp_path), **INSIDE}, service_account=service_account)
    assert access.context == "a"


def test_an_ipv6_service_address_is_bracketed(service_account: Path) -> None:
    access = in_cluster(INSIDE | {"KUBERNETES_SERVICE_HOST": "fd00::1"}, service_account)
    assert access is not None
    assert access.server == "https://[fd00::1]:443"


def test_a_pod_without_a_token_says_so(tmp_path: Path) -> None:
    error = failure(environ={"HOME": str(tmp_path), **INSIDE}, service_account=tmp_path / "none")
    assert "automountServiceAccountToken" in error.remedy
