"""Values of variables, flags and URLs are hidden unless known to be harmless; what people write stays readable."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.audit.redaction import redacted, redacted_arguments, redacted_variables
from actions.audit.secret_names import is_secret_field, is_secret_variable
from actions.planning.diff import yaml_diff

CARRIERS = [
    # Telling names, in all spellings.
    "DB_PASS={}", "MYPWD={}", "AUTH={}", "SNOWFLAKE_PW={}", "PGPASSWORD={} psql", "HF_TOKEN = {}", "foo_secret={}",
    "my-token={}", "my_token: {}", "dbPassword: {}", "x-api-key: {}", "api key: {}", "Access Key = {}", "pwd={}",
    "the password is {}", "password was {}, sorry", "<password>{}</password>", "token={},x=y", "set DB_PASS {}",
    '"DB_PASS": "{}"', "{{'DB_PASS': '{}', 'a': 1}}", "Server=h;User Id=u;Password={};", "AccountName=x;AccountKey={}",
    # Unknown variables, flags and parameters.
    "FOO={}", "export FOO='{} b'", "env FOO={} BAR={} vllm serve", "MY_THING: {}", "DATABASE_URL={}",
    "--frobnicate {}", "--frobnicate={}", "https://h/x?frob={}", "https://h/x?a=1&frob={}&b=2", "--set a.b={}",
    "docker run -e FOO={} image", "--env=FOO={}",
    # Command lines.
    "--pass {}", "--pass={}", "curl -u u:{} http://h", "curl --user u:{} http://h", "curl -uu:{} http://h",
    "curl -H 'X-Foo: {}'", "curl --header 'Authorization: Token {}'", "curl -b 'session={}' http://h",
    "mysql -u root -p{} db", "sshpass -p {} ssh h", "redis-cli -a {} ping", "docker login -u me -p {}",
    "helm upgrade x --set auth.password={}", "kubectl create secret generic x --from-literal=foo={}",
    # URLs and connections.
    "https://h/x?pass={}", "postgres://u:{}@h/db", "postgres://u:a/{}@h/db", "postgres://u:a#{}@h:5432/db",
    "redis://:{}@h", "amqp u:{}@h:5672", "h:5432:db:u:{}", "https://h/#access_token={}", "password%3D{}",
    "%22password%22%3A%22{}%22", "https://hooks.slack.com/services/T000/B000/{}",
    # Files.
    "machine h login u password {}", "machine h\n  login u\n  password {}", "users:\n- name: a\n  user:\n    token: {}",
    "password: |\n  {0}\n  {0}\nother: 1", "  password: >-\n    more\n    {}\n  other: x", "+  token: |-\n+    {}\n",
    'PASSWORD="a\n{}" x', "password = '{}'", "PASSWORD='{}", "DB_PASS=ab,{}", "DB_PASS=ab&{}", "DB_PASS=a\\ {}",
    "kind: Secret\nstringData:\n  foo: {}\nmetadata:\n  name: x", "apiVersion: v1\nkind: Secret\ndata:\n  foo: {}\n",
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\n{}\n-----END PGP PRIVATE KEY BLOCK-----",
    "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----",
    # JSON, whole and in part.
    '{{"auth":"{}"}}', 'x {{"auth":"{}"}}', '{{"password":{{"value":"{}"}}}}',
    'x {{"password":{{"a":{{"b":"{}"}}}},"c":1}}',
    '{{"type":"service_account","private_key":"{}"}}', "Invalid header value b'Bearer {}'",
]  # fmt: skip
SECRET = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", min_size=10, max_size=40).filter(
    lambda text: any(map(str.isdigit, text)) and sum(map(str.isalpha, text)) > 5 and "redacted" not in text
)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_no_carrier_lets_a_secret_through(carrier: str) -> None:
    clean = redacted(carrier.format("hunter2xyz", "hunter2xyz"))
    assert "hunter2xyz" not in clean
    assert "[redacted]" in clean
    assert redacted(clean) == clean


@settings(max_examples=600, deadline=None)
@given(secret=SECRET, carrier=st.sampled_from(CARRIERS), before=st.sampled_from(["see ", "INC-7: ", "a\n"]))
def test_nor_any_other_secret_after_any_words(secret: str, carrier: str, before: str) -> None:
    whole_line = carrier.startswith(("h:", "kind:", "apiVersion:", "  ", "+"))
    content = ("a\n" if whole_line else before) + carrier.format(secret, secret)
    assert secret not in json.dumps(redacted({"reason": content, "steps": [content]}))


def structures(secret: str) -> list[Any]:
    return [
        {"env": {"foo": secret}},
        {"spec": {"env": {"DB_PASS": secret}}},
        {"env": [{"name": "foo", "value": secret}]},
        {"args": ["--foo", secret]},
        {"args": ["-u", f"me:{secret}"]},
        {"args": ["-e", f"A={secret}"]},
        {"command": ["sh", "-c", f"x --api-key {secret}"]},
        {"headers": {"X-Thing": secret}},
        {"query": {"frob": secret}},
        {"auth": {"user": secret}},
        {"auths": {"h": {"auth": secret}}},
        {"password": {"a": {"name": secret}}},
        {"secret": {"value": secret}},
        {"secretId": secret},
        {"connectionString": secret},
        {"credentials": [{"v": secret}]},
        {"apiKeys": [secret]},
        {"path": "/metadata/annotations/password", "value": secret},
        {"kind": "Secret", "data": {"a": secret}},
    ]


@settings(max_examples=200, deadline=None)
@given(secret=SECRET, which=st.integers(0, len(structures("")) - 1))
def test_no_structure_lets_a_secret_through(secret: str, which: int) -> None:
    clean = json.dumps(redacted(structures(secret)[which]))
    assert secret not in clean
    assert "[redacted]" in clean


@pytest.mark.parametrize(
    "token",
    [
        "npm_abcdefghijklmnopqrstuvwxyz0123456789",
        "pypi-AgEIcHlwaS5vcmcCJDU1",
        "dckr_pat_abcdefghijklmnopqrstu",
        "SG.abcdefghijkl.mnopqrstuvw",
        "ya29.a0AfH6SMBxyz",
        "glpat-abcdefghijklmnopqrst",
        "xoxb-1234567890-abcdefghij",
        "hvs.CAESIabcdefghijklmnop",
        "abcdef.0123456789abcdef",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "Zx81kQpR93vLmT7bWc2Y",
        "aGVsbG8gd29ybGQgc2VjcmV0IQ==",
        "$2b$12$abcdefghijklmnopqrstuv",
    ],
)
def test_what_looks_like_a_secret_needs_no_name(token: str) -> None:
    assert redacted(f"he used {token} there") == "he used [redacted] there"


@pytest.mark.parametrize(
    "text",
    [
        "scale chat-70b from 3 to 5 replicas",
        "vllm/vllm-openai:v0.11.0@sha256:3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855a",
        "meta-llama/Llama-3.3-70B-Instruct, Qwen/Qwen3-235B-A22B-Instruct-2507-FP8",
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B, nvidia/Llama-3_3-Nemotron-Super-49B-v1_5",
        "TheBloke/Mixtral-8x7B-Instruct-v0.1-GPTQ, unsloth/Phi-4-mini-instruct-bnb-4bit",
        "/models/hub/models--meta-llama--Llama-3.1-8B/snapshots/0e9e39f249a16976918f6564b8830bc894c89659",
        "serving/Deployment/chat-70b 7f3c1a2b-1234-4c5d-9e8f-001122334455 chat-70b-7f9c6d5b8-x2x9k",
        "vllm serve /models/tiny --host 127.0.0.1 --tensor-parallel-size 2 --kv-cache-dtype fp8_e4m3",
        "--shutdown-timeout 30 --disable-access-log-for-endpoints /health,/metrics --trust-remote-code --enable-x",
        "Pass --yes to go on, or --force if you must",
        "give it with --env HF_TOKEN=…, or leave it out",
        "--api-key $(API_KEY) --port 80",
        "kubectl -n serving get pods -l app=chat-70b -o yaml",
        "kubectl rollout undo deployment/chat-70b -n serving --to-revision=3",
        "CUDA_VISIBLE_DEVICES=0,1 VLLM_ATTENTION_BACKEND=FLASHINFER HF_HOME=/models/hf LOG_LEVEL=debug X=3.5",
        "app.kubernetes.io/name=chat-70b,tier=serving",
        "/api/v1/namespaces/serving/pods?limit=500&watch=true&fieldManager=quarterdeck&labelSelector=app%3Dchat",
        "-        image: vllm/vllm-openai:v0.8.5\n+        image: vllm/vllm-openai:v0.11.0",
        "      secret:\n        secretName: tls-cert\n        defaultMode: 420",
        "imagePullSecrets:\n- name: registry",
        "- topologyKey: kubernetes.io/hostname",
        "valueFrom:\n  secretKeyRef:\n    name: hf\n    key: token",
        "TTFT p95 0.41 s → 0.9 s; KV tokens: 691,843 of 2,094,592",
        "NOTE: this is fine. ERROR: CUDA out of memory. 3 pass, 1 warn",
        "INC-4711 mia asked for it: load is up 3x",
        "QUARTERDECK_DEBUG=1 shows the details here",
        "Roll back chat-70b to revision 3 (chat-70b-6d5f7c9b8)",
        "(EngineCore_DP0 pid=1234) ERROR 11-02 10:11:12 [core.py:708] EngineCore failed to start.",
        "docker run -u 1000:1000 --gpus all vllm/vllm-openai",
        'quarterdeck scale deployment/chat-70b 5 -n serving --reason "INC-1"',
    ],
)
def test_ordinary_plans_stay_word_for_word(text: str) -> None:
    assert redacted(text) == text


def test_a_variable_is_shown_where_its_name_or_its_value_is_known_and_tells_of_no_secret() -> None:
    given = {
        "VLLM_LOGGING_LEVEL": "DEBUG",
        "OMP_NUM_THREADS": "4",
        "SHARDS": "12",
        "CACHE": "/var/cache/models",
        "FLAVOUR": "vanilla",
        "VLLM_API_KEY": "12345678",
        "DB_PORT": "5432",
        "PIN": "4711",
        "SSL_KEY_FILE": "/etc/ssl/key.pem",
        "HF_TOKEN": "$(HF_TOKEN)",
        "EMPTY_PASSWORD": "",
        "MAX_TOKENS": "8192",
    }
    hidden = {name for name, value in redacted_variables(given).items() if value == "[redacted]"}
    assert hidden == {"FLAVOUR", "VLLM_API_KEY", "PIN"}


def test_arguments_are_shown_where_the_flag_is_known() -> None:
    words = ["serve", "m", "--served-model-name", "a", "b", "--port", "80", "--pass", "x", "--frob", "y", "--no-z", "w"]
    assert redacted_arguments(words) == [*words[:8], "[redacted]", "--frob", "[redacted]", "--no-z", "w"]


@pytest.mark.parametrize(
    "name", ["bypass", "compass", "author", "tokenizer", "monitor", "topologyKey", "secretName", "key"]
)
def test_names_that_only_sound_like_it_tell_nothing(name: str) -> None:
    assert not is_secret_field(name, "x")


@pytest.mark.parametrize("name", ["DB_PASS", "MYPWD", "AUTH", "OAUTH_X", "apiKey", "hftoken", "CLIENT_CREDS", "SALT"])
def test_names_that_tell_do_so_in_any_spelling(name: str) -> None:
    assert is_secret_variable(name, "12345")


def test_a_diff_says_that_hidden_values_differ_beside_others_that_are_shown() -> None:
    def template(value: str, replicas: int) -> dict[str, Any]:
        return {"env": [{"name": "FLAVOUR", "value": value}], "replicas": replicas}

    found = yaml_diff(template("a", 1), template("b", 2))
    assert "+replicas: 2" in found
    assert "differ too" in found
    assert "differ too" not in yaml_diff(template("a", 1), template("a", 2))
