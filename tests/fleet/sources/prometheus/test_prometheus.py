"""The Prometheus source with servers that refuse, lie, warn and lag; its requests."""

from __future__ import annotations

import asyncio
import gc
import math
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import pytest
from aiohttp import web

from fleet.model.measurement import EngineId
from fleet.model.problem import SourceProblem
from fleet.model.quantity import Quantity
from fleet.net import bodies
from fleet.sources.prometheus.transport import PrometheusEndpoint, through_loop
from tests.fleet.metrics.fake_prometheus import RUNNING, SEEN, Fake, asking, measure, serving


async def _problem(fake: Fake, **endpoint: Any) -> SourceProblem:
    with pytest.raises(SourceProblem) as caught:
        await measure(fake, **endpoint)
    for text in (caught.value.message, caught.value.remedy):
        assert text
        assert "\n" not in text
    return caught.value


def _answering(status: int, text: str = "", **headers: str) -> Fake:
    async def reply(request: web.Request) -> web.Response:
        return web.Response(status=status, text=text, headers=headers)

    return Fake(reply=reply)


@pytest.mark.parametrize(
    ("fake", "words"),
    [
        (_answering(401, "nope"), "401"),
        (_answering(403, '{"message": "tenant unknown"}'), "tenant unknown"),
        (_answering(404), "404"),
        (_answering(503, "upstream\x1b[31m down"), "HTTP 503: upstream [31m down"),
        (_answering(302, Location="https://login.example/x"), "redirects to login.example"),
        (_answering(200, "<!DOCTYPE html><title>Sign in</title>"), "web page"),
        (_answering(200, '{"status":"success","data":{"resultType":"vec'), "broke off"),
        (_answering(200, '{"hello": "world"}'), "not Prometheus'"),
        (_answering(200, "[1, 2]"), "not Prometheus'"),
        (_answering(200, '{"status":"success","data":{"result":{}}}'), "not Prometheus'"),
        (_answering(200, '{"status":"success","data":{"result":[1795220000, "12"]}}'), "not Prometheus'"),
        (_answering(200, '{"status":"success","data":{"result":[{"metric":{"a":"b"}}]}}'), "not Prometheus'"),
        (_answering(200, '{"status":"error","error":"query timed out"}'), "query timed out"),
        (_answering(422, '{"status":"error","error":"found duplicate series"}'), "found duplicate series"),
    ],
)
async def test_a_bad_answer_is_one_line_and_a_remedy(fake: Fake, words: str) -> None:
    assert words in (await _problem(fake)).message


@pytest.mark.parametrize(
    "element",
    [
        '{"metric": {}, "value": [1795220000, "12"]}',
        '{"metric": {}}',
        '{"values": [[1795220000, "12"]]}',
        '{"metric": {}, "values": [[1795220000]]}',
        '{"metric": [], "values": []}',
        "7",
    ],
)
async def test_a_range_that_is_answered_with_no_matrix_is_a_problem_and_no_defect(element: str) -> None:
    fake = _answering(200, f'{{"status":"success","data":{{"result":[{element}]}}}}')
    async with serving(fake), asking(PrometheusEndpoint(fake.url)) as source:
        with pytest.raises(SourceProblem, match="not Prometheus'"):
            await source.range("up", 0.0, 60.0, 15.0)


async def test_of_a_range_few_series_are_there_at_once_while_they_are_read() -> None:
    points = ",".join(f'[{1795220000 + 15 * i},"{i}"]' for i in range(60))
    element = f'{{"metric":{{"pod":"p"}},"values":[{points}]}}'
    fake = _answering(200, f'{{"status":"success","data":{{"result":[{",".join([element] * 2000)}]}}}}')

    def there() -> int:
        return sum(type(one) is dict and "values" in one for one in gc.get_objects())

    before = there()

    def read(result: Iterable[Any]) -> tuple[int, int]:
        total = most = 0
        for series in result:
            assert len(series["values"]) == 60
            if total % 500 == 0:
                most = max(most, there() - before)
            total += 1
        return total, most

    async with serving(fake), asking(PrometheusEndpoint(fake.url)) as source:
        total, most = await source.read_range(read, "up", 0.0, 60.0, 15.0)
    assert total == 2000
    assert 0 < most < total / 2


async def test_nobody_listening() -> None:
    async with serving(Fake()) as fake:
        pass
    with pytest.raises(SourceProblem, match="refuses the connection"):
        async with asking(PrometheusEndpoint(fake.url)) as source:
            await source.measure()


async def test_no_answer_in_time_and_no_retries() -> None:
    async def reply(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    fake = Fake(reply=reply)
    assert "does not answer within 0.2 s" in (await _problem(fake, timeout=0.2)).message
    assert len(fake.seen) == 1


async def _trickle(request: web.Request) -> web.Response | None:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.02)


async def test_an_answer_that_trickles_without_end_is_given_up() -> None:
    began = time.monotonic()
    problem = await _problem(Fake(reply=_trickle), timeout=0.2)
    assert "does not finish its answer within 0.6 s" in problem.message
    assert time.monotonic() - began < 5


async def test_an_answer_without_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_limits", bodies.Limits(prometheus=bodies.Limit(1 << 20, "limits.prometheus")))

    async def flood(request: web.Request) -> web.Response | None:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 65536)

    assert "answers more than 1 MiB" in (await _problem(Fake(reply=flood))).message


async def test_an_answer_that_breaks_off_is_said_so() -> None:
    async def cut(request: web.Request) -> web.Response | None:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"status":"success"')
        assert request.transport is not None
        request.transport.abort()
        return None

    assert "cannot be reached" in (await _problem(Fake(reply=cut))).message


async def test_compressed_answers_are_read() -> None:
    async def compressed(request: web.Request) -> web.Response | None:
        now = time.time()
        kind, result = ("scalar", [now, str(now)]) if request.query["query"] == "time()" else ("vector", [])
        document = {"status": "success", "data": {"resultType": kind, "result": result}, "padding": "x" * 3_000_000}
        response = web.Response(body=orjson.dumps(document), content_type="application/json")
        response.enable_compression(web.ContentCoding.gzip)
        return response

    assert (await measure(Fake(reply=compressed))).engines == ()


async def test_no_such_host() -> None:
    async with asking(PrometheusEndpoint("http://prometheus.invalid:9090")) as source:
        with pytest.raises(SourceProblem, match="no such host"):
            await source.measure()


@pytest.mark.parametrize("url", ["ftp://x", "file:///etc/passwd"])
async def test_a_url_of_something_else(url: str) -> None:
    async with asking(PrometheusEndpoint(url)) as source:
        with pytest.raises(SourceProblem, match="not a URL of http"):
            await source.measure()


async def test_a_url_without_a_scheme_is_http() -> None:
    async with serving(Fake()) as fake, asking(PrometheusEndpoint(fake.url.removeprefix("http://"))) as source:
        assert (await source.measure()).engines == ()


async def test_an_empty_prometheus_says_so() -> None:
    m = await measure(Fake())
    assert m.engines == ()
    assert "no metrics of an engine" in m.notes[0]


async def test_everything_is_evaluated_at_one_time() -> None:
    fake = Fake({"num_requests_running": [(SEEN, "1")]})
    m = await measure(fake)
    times = {request.query["time"] for request in fake.seen if request.query["query"] != "time()"}
    assert times == {f"{m.at:.3f}"}


async def test_values_that_are_no_numbers_are_missing() -> None:
    kv = RUNNING | {"__name__": "vllm:kv_cache_usage_perc"}
    waiting = RUNNING | {"__name__": "vllm:num_requests_waiting"}
    m = await measure(Fake({"num_requests": [(SEEN, "1"), (RUNNING, "3"), (kv, "NaN"), (waiting, "+Inf")]}))
    assert m.engines == (EngineId("llm", "p", "chat", "0"),)
    assert m.engine_table.columns[Quantity.RUNNING][0] == 3
    for quantity in (Quantity.KV_USAGE, Quantity.WAITING):
        column = m.engine_table.columns.get(quantity)
        assert column is None or math.isnan(column[0])


async def test_warnings_of_a_partial_answer_are_notes() -> None:
    m = await measure(Fake({"num_requests": [(SEEN, "1")]}, warnings=("store 10.0.0.7 is down",)))
    assert m.notes == ("store 10.0.0.7 is down",)


@pytest.mark.parametrize("ahead", [-3600.0, 300.0])
async def test_ages_follow_the_servers_clock(ahead: float) -> None:
    fake = Fake(ahead=ahead)
    fake.vectors = {"timestamp(vllm": [(SEEN, str(time.time() + ahead - 20))]}
    m = await measure(fake)
    assert m.clock_skew == pytest.approx(ahead, abs=2)
    assert m.engine_table.ages[0] == pytest.approx(20, abs=5)
    assert m.at == pytest.approx(time.time() + ahead, abs=5)
    assert ("behind" if ahead < 0 else "ahead of") in m.notes[0]


async def test_a_clock_in_a_vector_is_a_clock() -> None:
    """VictoriaMetrics' answer to time()."""

    async def reply(request: web.Request) -> web.Response | None:
        if request.query["query"] != "time()":
            return None
        vector = [{"metric": {}, "value": [0, str(int(time.time()) - 100)]}]
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": vector}})

    assert (await measure(Fake(reply=reply))).clock_skew == pytest.approx(-100, abs=2)


async def test_a_clock_that_jumps_is_noticed() -> None:
    async with serving(Fake()) as fake, asking(PrometheusEndpoint(fake.url)) as source:
        await source.measure()
        fake.ahead = 600.0
        m = await source.measure()
        assert m.clock_skew == pytest.approx(600, abs=2)
        assert m.at == pytest.approx(time.time() + 600, abs=5)


async def test_a_console_whose_clock_is_set_back_does_not_ask_for_what_was_then() -> None:
    """Also where no answer is dated: some proxies leave that out."""

    async def reply(request: web.Request) -> web.Response:
        answer = await Fake().handle(request)
        answer.headers["Date"] = ""
        return answer

    ahead = 0.0
    async with (
        serving(Fake(reply=reply)) as fake,
        asking(PrometheusEndpoint(fake.url), wall=lambda: time.time() + ahead) as source,
    ):
        await source.measure()
        ahead = -3600.0
        m = await source.measure()
        assert m.at == pytest.approx(time.time(), abs=5)
        assert m.clock_skew == pytest.approx(3600, abs=2)


# What is sent.


async def test_only_get_is_sent_and_the_guard_sees_it_first() -> None:
    seen: list[str] = []

    def guard(method: str, url: str) -> None:
        seen.append(method)

    fake = Fake({"num_requests": [(SEEN, "1")]})
    async with (
        serving(fake),
        asking(PrometheusEndpoint(fake.url), guard=guard) as source,
    ):
        await source.measure(None)
    assert {request.method for request in fake.seen} == {"GET"}
    assert seen == ["GET"] * len(fake.seen)


async def test_the_guard_can_refuse() -> None:
    def guard(method: str, url: str) -> None:
        raise SourceProblem("not in this mode", "leave it")

    fake = Fake()
    async with serving(fake), asking(PrometheusEndpoint(fake.url), guard=guard) as source:
        with pytest.raises(SourceProblem, match="not in this mode"):
            await source.measure()
    assert fake.seen == []


async def test_queries_fit_the_urls_of_proxies_whatever_is_asked_for() -> None:
    pods = [f"chat-7d9f8b6c5d-{i:05d}" for i in range(100)]
    vector = [(SEEN | {"pod": pod, "instance": f"10.100.{i}.200:8000"}, "1") for i, pod in enumerate(pods)]
    names: tuple[str, ...] = (
        "time_to_first_token_seconds",
        "inter_token_latency_seconds",
        "time_per_output_token_seconds",
    )
    names += ("e2e_request_latency_seconds", "request_queue_time_seconds")
    vector += [({"__name__": f"vllm:{name}_count", "q": "present"}, "100") for name in names]
    fake = Fake({"num_requests_running": vector})
    async with serving(fake), asking(PrometheusEndpoint(fake.url)) as source:
        await source.measure()
        first = len(fake.seen)
        m = await source.measure({f"llm/{pod}" for pod in pods})
    assert len(m.engines) == 100
    assert max(len(request.raw_path) for request in fake.seen) < 8000
    assert len(fake.seen) - first == m.requests <= 10


async def test_through_the_api_servers_proxy() -> None:
    fake = Fake({"num_requests": [(RUNNING, "3")]})
    paths: list[str] = []

    async def fetch(path: str) -> tuple[int, Mapping[str, str], bytes]:
        paths.append(path)
        if "10.0.0.1" in path:
            return 503, {}, b'{"message": "no endpoints available"}'
        vector = [{"metric": SEEN, "value": [1, "3"]}] if "num_requests" in path else []
        result: Any = [time.time(), str(time.time())] if "time%28%29" in path else vector
        return 200, {}, orjson.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})

    base = "/api/v1/namespaces/monitoring/services/prometheus-k8s:9090/proxy"
    endpoint = PrometheusEndpoint(base, proxy=through_loop(fetch, asyncio.get_running_loop(), 5.0))
    async with asking(endpoint) as source:
        with pytest.raises(SourceProblem, match=f"{base} answers HTTP 503: no endpoints available"):
            await source.measure()
    assert all(path.startswith(f"{base}/api/v1/query?") for path in paths)
    assert fake.seen == []
    assert endpoint.shown == base


async def test_a_proxy_that_does_not_answer_in_time() -> None:
    async def fetch(path: str) -> tuple[int, Mapping[str, str], bytes]:
        await asyncio.sleep(30)
        return 200, {}, b""

    endpoint = PrometheusEndpoint("/proxy", proxy=through_loop(fetch, asyncio.get_running_loop(), 0.1))
    async with asking(endpoint) as source:
        with pytest.raises(SourceProblem, match=r"does not answer within 0\.1 s"):
            await source.measure()


def test_nothing_heavy_is_imported_before_the_first_question() -> None:
    modules = ("prometheus.source", "prometheus.discovery", "prometheus.past", "prometheus.transport", "scrape.source")
    imports = "; ".join(f"import fleet.sources.{module}" for module in modules)
    heavy = {"requests", "urllib3", "prometheus_api_client", "aiohttp", "kubernetes", "textual"}
    code = f"{imports}; import sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
