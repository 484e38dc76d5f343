"""Every field of a kubeconfig has a type, and what kubectl refuses is refused."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleet.sources.kube.errors import KubeconfigError
from fleet.sources.kube.kubeconfig import load_access

EXEC = {"apiVersion": "client.authentication.k8s.io/v1", "command": "true", "interactiveMode": "Never"}
CERTIFICATE = "certificate-authority-data"


def kubeconfig(folder: Path, cluster: str = "", user: str = "token: abc", context: str = "", top: str = "") -> Path:
    """A kubeconfig with these fields, as they are written, in its cluster, user and context, and at its top."""
    file = folder / "config"
    file.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
        f"contexts: [{{name: c, context: {{cluster: c, user: u, {context}}}}}]\n"
        f'clusters: [{{name: c, cluster: {{server: "https://127.0.0.1:1", {cluster}}}}}]\n'
        f"users: [{{name: u, user: {{{user}}}}}]\n{top}\n",
        encoding="utf-8",
    )
    return file


def plugin(**fields: Any) -> str:
    return yaml.safe_dump({"exec": EXEC | fields}, default_flow_style=True, width=10_000).strip()[1:-1]


WRONG: list[dict[str, str]] = [
    {"cluster": 'insecure-skip-tls-verify: "false"'},
    {"cluster": 'insecure-skip-tls-verify: "true"'},
    {"cluster": "insecure-skip-tls-verify: 1"},
    {"cluster": "insecure-skip-tls-verify: [true]"},
    {"cluster": "tls-server-name: 5"},
    {"cluster": "proxy-url: 5"},
    {"cluster": 'disable-compression: "x"'},
    {"cluster": f"{CERTIFICATE}: true"},
    {"cluster": f'{CERTIFICATE}: "abc!"'},
    {"cluster": "certificate-authority: [a]"},
    {"cluster": "extensions: {}"},
    {"user": "token: 123"},
    {"user": "token: y"},
    {"user": "token: [a]"},
    {"user": "tokenFile: {}"},
    {"user": "username: 5, password: x"},
    {"user": "username: x, password: 5"},
    {"user": "as: x, as-groups: a"},
    {"user": "as: x, as-user-extra: [a]"},
    {"user": "as: x, as-user-extra: {a: b}"},
    {"user": "as: 5"},
    {"user": "auth-provider: oidc"},
    {"user": "auth-provider: {name: oidc, config: {a: 1}}"},
    {"user": "exec: true"},
    {"user": plugin(args=5)},
    {"user": plugin(args=[5])},
    {"user": plugin(env={"a": "b"})},
    {"user": plugin(env=["a"])},
    {"user": plugin(env=[{"name": "a", "value": 1}])},
    {"user": plugin(provideClusterInfo="yes please")},
    {"user": plugin(installHint=["a"])},
    {"context": "namespace: 5"},
    {"top": "preferences: []"},
    {"top": 'preferences: {colors: "x"}'},
    {"top": "extensions: [{name: 5}]"},
]
"""A wrong type each, somewhere in the file."""

AGAINST_A_RULE: list[dict[str, str]] = [
    {"cluster": f"{CERTIFICATE}: YWJj, insecure-skip-tls-verify: true"},
    {"cluster": "certificate-authority: config, insecure-skip-tls-verify: true"},
    {"cluster": f"{CERTIFICATE}: YWJj, certificate-authority: config"},
    {"cluster": "proxy-url: garbage"},
    {"cluster": 'proxy-url: "socks4://127.0.0.1:1"'},
    {"user": "token: abc, username: a, password: b"},
    {"user": "client-certificate-data: YWJj"},
    {"user": "token: abc, as-groups: [a]"},
    {"user": f"{plugin()}, auth-provider: {{name: oidc}}"},
    {"user": plugin(env=[{"value": "1"}])},
    {"user": plugin(apiVersion="client.authentication.k8s.io/v9")},
    {"user": plugin(interactiveMode="X")},
    {"top": "kind: Pod"},
    {"top": "apiVersion: v2"},
]

GOOD: list[dict[str, str]] = [
    {"cluster": "insecure-skip-tls-verify: yes"},
    {"cluster": "insecure-skip-tls-verify: y"},
    {"cluster": "insecure-skip-tls-verify: null, proxy-url: null, extensions: null"},
    {"cluster": "unknown: [1]"},
    {"cluster": 'Insecure-Skip-TLS-Verify: "x"'},
    {"user": "token: 2001-01-01"},
    {"user": "token: abc, exec: null"},
    {"top": "extensions: [{name: a, extension: text}]"},
    {"top": "preferences: {}"},
]


def words(case: dict[str, str]) -> str:
    return ", ".join(case.values())


@pytest.mark.parametrize("case", [*WRONG, *AGAINST_A_RULE], ids=words)
def test_what_kubectl_refuses_is_refused_with_the_file_named(tmp_path: Path, case: dict[str, str]) -> None:
    file = kubeconfig(tmp_path, **case)
    with pytest.raises(KubeconfigError) as caught:
        load_access(file)
    assert str(file) in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("case", GOOD, ids=words)
def test_what_kubectl_takes_is_taken(tmp_path: Path, case: dict[str, str]) -> None:
    assert load_access(kubeconfig(tmp_path, **case)).server == "https://127.0.0.1:1"


@pytest.mark.real("kubectl")
@pytest.mark.parametrize("case", [*WRONG, *AGAINST_A_RULE, *GOOD], ids=words)
def test_kubectl_thinks_the_same_of_each(tmp_path: Path, case: dict[str, str]) -> None:
    file = kubeconfig(tmp_path, **case)
    stderr = subprocess.run(
        ["kubectl", "--kubeconfig", str(file), "get", "--raw", "/version", "--request-timeout=5"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    ).stderr
    # It gets as far as the server, where nobody listens, or to the certificate of "abc".
    reached = "was refused" in stderr
    assert reached is (case in GOOD), stderr


def test_a_wrong_type_in_an_entry_that_is_not_used_is_refused_too(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path, top="")
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    document["users"].append({"name": "other", "user": {"token": 5}})
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(KubeconfigError, match="token of user 'other'"):
        load_access(file)


def test_no_message_repeats_a_secret(tmp_path: Path) -> None:
    for case in ({"user": "token: 987654321"}, {"user": "username: u, password: [hunter2]"}):
        with pytest.raises(KubeconfigError) as caught:
            load_access(kubeconfig(tmp_path, **case))
        text = caught.value.message + caught.value.remedy
        assert "987654321" not in text
        assert "hunter2" not in text


@pytest.mark.parametrize(
    "server",
    [
        "https://user:secret@127.0.0.1:6443",
        "https://127.0.0.1:99999",
        "https://127.0.0.1:port",
        "https://[::1",
        "https://a]b",
        "https://\x1b]52;c;aGk=\x07",
        "https://a b",
        "https://",
        "https://a..b",
        f"https://{'a' * 70}.example",
        "https://host?a=b",
        "ftp://host",
    ],
)
def test_a_server_that_cannot_be_is_refused_in_words(tmp_path: Path, server: str) -> None:
    file = kubeconfig(tmp_path)
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    document["clusters"][0]["cluster"]["server"] = server
    file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    with pytest.raises(KubeconfigError) as caught:
        load_access(file)
    text = caught.value.message + caught.value.remedy
    assert "server" in text
    assert "secret" not in text
    assert text.isprintable()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[" * 5_000, "nested"),
        ("a: " + "{b: " * 5_000, "nested"),
        ("preferences: " + "{b: " * 100 + "1" + "}" * 100, "nested"),
        ("x0: &x0 [1, 1]\n" + "".join(f"x{n}: &x{n} [*x{n - 1}, *x{n - 1}]\n" for n in range(1, 40)), "aliases"),
        ("a: &a [*a]", "nested"),
        ("a: !!int x", "tag"),
        ("a: !!bool x", "tag"),
        ("a: !!set {x}", "tag"),
        (f"a: {'1' * 5_000}", "tag"),
    ],
)
def test_yaml_that_is_a_trap_is_refused_in_words(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "config"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(KubeconfigError, match=expected):
        load_access(file)


def test_a_kubeconfig_that_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path, text in ((fifo, "a pipe"), (Path("/dev/zero"), "a device"), (tmp_path, "a folder")):
        with pytest.raises(KubeconfigError, match=f"it is {text}"):
            load_access(path)


def test_files_that_a_kubeconfig_names_are_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for case in (
        {"cluster": "certificate-authority: fifo"},
        {"cluster": "certificate-authority: /dev/zero"},
        {"user": "tokenFile: fifo"},
        {"user": "client-certificate: fifo, client-key: fifo"},
    ):
        with pytest.raises(KubeconfigError, match="cannot be used: it is a"):
            load_access(kubeconfig(tmp_path, **case))
