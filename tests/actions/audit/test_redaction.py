"""No secret enters the log, and the surrounding text stays readable."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.audit.redaction import redacted

JWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJlLXRoYXQtaXMtbG9uZw"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("https://mia:pa55@wiki/page?x=1", "https://[redacted]@wiki/page?x=1"),
        ("https://mia:p@55@wiki/", "https://[redacted]@wiki/"),
        ("https://ghtoken@github.com/x", "https://[redacted]@github.com/x"),
        ("see https://w/x?token=abc&limit=5#top", "see https://w/x?token=[redacted]&limit=5#top"),
        ("GET /api?limit=5&access_token=a%2Fb", "GET /api?limit=5&access_token=[redacted]"),
        ("https://s3/b?X-Amz-Signature=ab12&X-Amz-Date=2", "https://s3/b?X-Amz-Signature=[redacted]&X-Amz-Date=[redacted]"),
        ("https://h/?to=/cb?token=abc", "https://h/?to=/cb?token=[redacted]"),
        ("https://h/?to=%2Fcb%3Ftoken%3Dabc%26x%3D1", "https://h/?to=%2Fcb%3Ftoken%3D[redacted]%26x%3D1"),
        ("env=HF_TOKEN=abc", "env=HF_TOKEN=[redacted]"),
        ("https://h/x?api_key=a;apikey=b", "https://h/x?api_key=[redacted];apikey=[redacted]"),
        ("Authorization: Bearer abc.def", "Authorization: [redacted]"),
        ("authorization: Basic dTpw\r\nAccept: */*", "authorization: [redacted]\r\nAccept: */*"),
        ("Cookie: session=abc; theme=dark", "Cookie: [redacted]"),
        ("X-Vault-Token: s.abc", "X-Vault-Token: [redacted]"),
        ("X-Api-Key=abc", "X-Api-Key=[redacted]"),
        ("curl -H 'Authorization: Bearer x y' http://h", "curl -H 'Authorization: [redacted]' http://h"),
        ("sent with bearer abcdef123", "sent with bearer [redacted]"),
        ("Basic dXNlcjpwYXNz", "Basic [redacted]"),
        ("vllm serve m --api-key abc --port 80", "vllm serve m --api-key [redacted] --port 80"),
        ("vllm serve m --hf-token=abc -tp 2", "vllm serve m --hf-token=[redacted] -tp 2"),
        ("x --password 'hunter 2' y", "x --password '[redacted]' y"),
        ('x --api-key "a \\" b" y', 'x --api-key "[redacted]" y'),
        ("HF_TOKEN=abc vllm serve", "HF_TOKEN=[redacted] vllm serve"),
        ("export AWS_SECRET_ACCESS_KEY=ab/c+d", "export AWS_SECRET_ACCESS_KEY=[redacted]"),
        ("DB_PASSWORD='a b' OPENAI_API_KEY=x A=1", "DB_PASSWORD='[redacted]' OPENAI_API_KEY=[redacted] A=1"),
        (f"the token {JWT} has expired", "the token [redacted] has expired"),
        ("hf_abcdefghijklmnop and sk-abcdefghijklmnop", "[redacted] and [redacted]"),
        ("key AKIAIOSFODNN7EXAMPLE", "key [redacted]"),
        ("sk-ant-api03-Ab_c-d sk-proj-x1Y2z3-aB", "[redacted] [redacted]"),
        ("nvapi-Ab0cd-efghijk", "[redacted]"),
        ("ghp_abcdefghijklmnopqrst", "[redacted]"),
        ("client-key-data: LS0tLS1CRUdJTg==", "client-key-data: [redacted]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nrest", "[redacted]\nrest"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE", "[redacted]"),
        ("password: hunter 2", "password: [redacted]"),
        ('{"password":"hunter2","replicas":3}', '{"password": "[redacted]", "replicas": 3}'),
        ('error in {"password":"hunter2","replicas":3}', 'error in {"password":"[redacted]","replicas":3}'),
        ('x {"name":"HF_TOKEN","value":"a b"},{"a":"c"}', 'x {"name":"HF_TOKEN","value":"[redacted]"},{"a":"c"}'),
        ('said {\\"password\\":\\"abc\\"}', 'said {\\"password\\":[redacted]'),
        (
            "   - name: HF_TOKEN\n-    value: old one\n+    value: new\n   - name: MODE\n     value: fast\n",
            "   - name: HF_TOKEN\n-    value: [redacted]\n+    value: [redacted]\n   - name: MODE\n     value: fast\n",
        ),
    ],
)  # fmt: skip
def test_a_secret_goes_and_what_is_around_it_stays(text: str, clean: str) -> None:
    assert redacted(text) == clean
    assert redacted(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        "INC-7: https://wiki.corp/runbooks/chat-70b?page=3",
        'deployments.apps "chat-70b" is forbidden: User "mia@corp" cannot patch resource',
        'secrets "hf" not found',
        "vllm serve m --max-num-batched-tokens 8192 --tokenizer org/model --tokenizer-mode auto",
        "MAX_TOKENS=8192 TOKENIZERS_PARALLELISM=false VLLM_USE_V1=1",
        "basic authentication failed",
        "pod chat-70b-7f9c6d-x2x9k on disk-sk-1",
        "tolerations:\n- key: nvidia.com/gpu\n  operator: Exists",
        "sha256:3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855a",
        "2026-09-21T14:13:20Z 10.1.2.3:6443 [::1]:80",
        "secretName: tls-cert",
        "mia@corp.example, system:serviceaccount:serving:default",
        "resourceVersion 123456789",
        "hf_transfer is not installed",
        "Scale sk-frontend-prod to 3; pod sk-frontend-prod-7f9c6d5b8-x2x9k; nvapi-gateway-canary",
    ],
)
def test_what_is_no_secret_stays_word_for_word(text: str) -> None:
    assert redacted(text) == text


def test_values_are_hidden_by_the_names_of_their_fields() -> None:
    content = {
        "headers": {"Authorization": "Bearer x", "Cookie": ["a=b"], "Accept": "*/*"},
        "env": [
            {"name": "HF_TOKEN", "value": "abc"},
            {"name": "MAX_TOKENS", "value": "8192"},
            {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "hf", "key": "token"}}},
        ],
        "args": ["serve", "--api-key", "abc", "--port", "80", "--hf-token=def"],
        "user": {"token": "abc", "client-key-data": "LS0", "client-certificate-data": "LS0", "username": "mia"},
        "environ": {"OPENAI_API_KEY": "abc", "HOME": "/root"},
        "patch": [
            {"op": "replace", "path": "/spec/template/spec/containers/0/env/0/value", "value": "abc"},
            {"op": "replace", "path": "/spec/replicas", "value": 3},
        ],
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        "clientSecret": "abc",
        "imagePullSecrets": [{"name": "registry"}],
        "automountServiceAccountToken": True,
    }
    hidden = "[redacted]"
    assert redacted(content) == {
        "headers": {"Authorization": hidden, "Cookie": [hidden], "Accept": "*/*"},
        "env": [
            {"name": "HF_TOKEN", "value": hidden},
            {"name": "MAX_TOKENS", "value": "8192"},
            {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "hf", "key": "token"}}},
        ],
        "args": ["serve", "--api-key", hidden, "--port", "80", f"--hf-token={hidden}"],
        "user": {"token": hidden, "client-key-data": hidden, "client-certificate-data": hidden, "username": "mia"},
        "environ": {"OPENAI_API_KEY": hidden, "HOME": "/root"},
        "patch": [
            {"op": "replace", "path": "/spec/template/spec/containers/0/env/0/value", "value": hidden},
            {"op": "replace", "path": "/spec/replicas", "value": 3},
        ],
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        "clientSecret": hidden,
        "imagePullSecrets": [{"name": "registry"}],
        "automountServiceAccountToken": True,
    }


def test_of_a_secret_object_the_names_stay() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "hf"}, "data": {"token": "YWJj"}, "stringData": {"a": "abc"}}
    clean = {**secret, "data": {"token": "[redacted]"}, "stringData": {"a": "[redacted]"}}
    assert redacted(secret) == clean
    applied = {"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(secret)}}}
    text = redacted(applied)["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]
    assert json.loads(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        '{"a":"b"},' * 20_000,
        "name: X value: y " * 12_000,
        "https://" * 12_000,
        "://@" * 20_000,
        "--flag x A=b key: v " * 10_000,
        "?a=b&c=d" * 12_000,
        '"' * 100_000,
        "\\" * 100_000,
        "-----BEGIN PRIVATE KEY" * 4_000,
        "x" * 200_000,
        "a." * 60_000,
        "a/" * 60_000,
        "_a" * 60_000,
        "x-" * 60_000,
        "--a." * 40_000,
        "mysql " * 20_000,
        "a%3a" * 20_000,
        "password: [" * 10_000,
        "password:\n x" * 10_000,
        "a:b@" * 40_000,
    ],
    ids=range(20),
)
@pytest.mark.timeout(20)
def test_a_long_text_takes_no_long_time(text: str) -> None:
    clean = redacted("x" + text)
    assert clean == "x" + text or "[redacted]" in clean


def test_what_json_has_no_word_for_becomes_something_it_has() -> None:
    assert redacted({"a": float("nan"), "b": float("inf"), "c": (1, 2), "d": {3}, 4: None}) == {
        "a": None,
        "b": None,
        "c": [1, 2],
        "d": [3],
        "4": None,
    }


CARRIERS = [
    "https://user:{}@host/path",
    "https://{}@host/path",
    "https://host/path?token={}&x=1",
    "https://host/path?x=1&api_key={}",
    "Authorization: Bearer {}",
    "X-Auth-Token: {}",
    "Cookie: a={}",
    "vllm serve m --api-key {} --port 80",
    "vllm serve m --hf-token={}",
    "HF_TOKEN={} vllm serve m",
    "AWS_SECRET_ACCESS_KEY='{}'",
    "password: {}",
    '{{"token":"{}"}}',
    "env:\n- name: API_KEY\n  value: {}\n",
    "hf_{}",
]
SECRET = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=16, max_size=40)
FILLER = st.text("abc XYZ 123 .:/-_\n", max_size=20).map(lambda text: f"{text} ")


@settings(max_examples=400, deadline=None)
@given(secret=SECRET, carrier=st.sampled_from(CARRIERS), before=FILLER, depth=st.integers(0, 3))
def test_no_carrier_at_no_depth_lets_a_secret_through(secret: str, carrier: str, before: str, depth: int) -> None:
    content: Any = before + carrier.format(secret)
    for level in range(depth):
        content = [content, "x"] if level % 2 else {"reason": content, "steps": 3}
    assert secret not in json.dumps(redacted(content))


@pytest.mark.parametrize(
    "text", ["-Y password: {}", "run --note db_password: {}", "-x api-key= {}", "--why token: {} y"]
)
def test_what_a_name_behind_a_flag_names_goes_too(text: str) -> None:
    secret = "0000000000000000"
    assert secret not in redacted(text.format(secret))


def test_a_value_that_looks_like_a_name_goes_as_any_other() -> None:
    assert redacted("--password secret:") == "--password [redacted]"


NAMES = ["HF_TOKEN", "OPENAI_API_KEY", "DB_PASSWORD", "MY_SECRET", "GOOGLE_CREDENTIALS", "apiKey", "password", "token"]


@settings(max_examples=200, deadline=None)
@given(
    secret=st.text(min_size=6).filter(lambda text: text.strip() and text not in "[redacted]"),
    name=st.sampled_from(NAMES),
)
def test_any_text_behind_a_name_that_gives_it_away_goes(secret: str, name: str) -> None:
    field = {name: secret, "replicas": 3}
    entry = {"env": [{"name": name.upper(), "value": secret}], "args": [f"--{name.lower().replace('_', '-')}", secret]}
    assert redacted(field) == {name: "[redacted]", "replicas": 3}
    if not secret.startswith("--"):
        assert redacted(entry)["args"][1] == "[redacted]"
    assert redacted(entry)["env"][0]["value"] == "[redacted]"


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=12,
    )
)
def test_whatever_comes_in_it_is_json_that_comes_out_and_twice_is_once(content: Any) -> None:
    clean = redacted(content)
    json.dumps(clean, allow_nan=False)
    assert redacted(clean) == clean
