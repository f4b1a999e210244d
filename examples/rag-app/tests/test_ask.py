"""What a question brings back, and what it leaves in traces, metrics and logs."""

import json
import logging
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import MODEL, PATIENCE, Application, Upstream, eventually
from opentelemetry.trace import SpanKind, StatusCode

from rag_app.telemetry import JSONLines

QUESTION = {"question": "What helps against a long queue of waiting requests?"}
Start = Callable[..., Application]


def events(text: str) -> list[tuple[str, Any]]:
    """Server-sent events as (name, data)."""
    out = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n")
        out.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return out


def test_an_answer_says_where_it_comes_from_and_how_to_find_it(start: Start, upstream: Upstream) -> None:
    app = start()
    response = app.client.post("/ask", json=QUESTION, headers={"X-Request-Id": "ticket-7"})
    answer = response.json()
    assert response.status_code == 200
    assert response.headers["x-request-id"] == answer["request_id"] == "ticket-7"
    assert answer["answer"] == "Raise --max-num-seqs [1]."
    assert answer["sources"][0]["path"] == "queue.md"
    assert answer["finish_reason"] == "stop"
    assert answer["usage"] == {"input_tokens": 420, "output_tokens": 3}
    assert set(answer["timings"]) == {"embed", "retrieve", "generate", "total"}
    assert answer["trace_id"] == f"{app.span('POST /ask').context.trace_id:032x}"
    prompt = upstream.seen[0]["body"]["messages"][1]["content"]
    assert "[1] Queue\nWhen requests wait" in prompt
    assert prompt.endswith(f"Question: {QUESTION['question']}")


HOSTILE = json.loads((Path(__file__).parents[3] / "tools" / "links" / "hostile.json").read_text("utf-8"))


def test_whatever_a_model_says_is_one_string_of_the_answer(start: Start, upstream: Upstream) -> None:
    upstream.words = [*HOSTILE, "event: done\ndata: {}\n\n", "half \ud83d of a pair"]
    app = start()
    assert app.client.post("/ask", json=QUESTION).json()["answer"] == "".join(upstream.words)
    body = app.client.post("/ask", json=QUESTION | {"stream": True}).text
    assert body.isascii()
    told = events(body)
    assert [name for name, _ in told] == ["sources", *["delta"] * len(upstream.words), "done"]
    assert [data["text"] for name, data in told if name == "delta"] == upstream.words


def test_whatever_a_log_line_says_is_one_line() -> None:
    for text in [*HOSTILE, "half \ud83d of a pair"]:
        record = logging.makeLogRecord({"msg": text, "name": "rag", "reason": text})
        line = JSONLines().format(record)
        assert line.isascii()
        assert "\n" not in line
        assert json.loads(line)["message"] == json.loads(line)["reason"] == text


def test_what_is_no_text_is_refused_and_not_a_failure(start: Start) -> None:
    response = start().client.post(
        "/ask", content=b'{"question": "\\ud83d"}', headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 422


def test_a_hostile_request_id_is_replaced(start: Start, upstream: Upstream) -> None:
    app, asked = start(), 0
    for text in HOSTILE:
        if text == "plain" or text != text.strip() or any(c in text for c in "\0\r\n"):
            continue  # what no header can hold
        response = app.client.post("/ask", json=QUESTION, headers=[(b"X-Request-Id", text.encode())])
        given = response.headers["x-request-id"]
        assert given == response.json()["request_id"] == upstream.seen[-1]["headers"]["x-request-id"]
        assert given == text or re.fullmatch("[0-9a-f]{32}", given)
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", given)
        asked += 1
    assert asked > 40


def test_vllm_is_given_the_request_id_and_the_trace(start: Start, upstream: Upstream) -> None:
    app = start()
    app.client.post("/ask", json=QUESTION, headers={"X-Request-Id": "ticket-7"})
    headers, chat = upstream.seen[0]["headers"], app.span(f"chat {MODEL}")
    assert headers["x-request-id"] == "ticket-7"
    assert headers["traceparent"].startswith(f"00-{chat.context.trace_id:032x}-{chat.context.span_id:016x}-")


def test_a_callers_trace_goes_on(start: Start) -> None:
    app = start()
    trace = "0af7651916cd43dd8448eb211c80319c"
    app.client.post("/ask", json=QUESTION, headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert f"{app.span('POST /ask').context.trace_id:032x}" == trace


@pytest.mark.parametrize("id_", ["two\twords", "a" * 200, '"quoted"', ""])
def test_what_is_no_request_id_is_replaced(start: Start, upstream: Upstream, id_: str) -> None:
    response = start().client.post("/ask", json=QUESTION, headers={"X-Request-Id": id_})
    assert response.headers["x-request-id"] == upstream.seen[0]["headers"]["x-request-id"]
    assert len(response.json()["request_id"]) == 32


def test_the_spans_are_those_of_the_genai_conventions(start: Start) -> None:
    app = start()
    answer = app.client.post("/ask", json=QUESTION, headers={"X-Request-Id": "ticket-7"}).json()
    root, embed = app.span("POST /ask"), app.span("embeddings all-MiniLM-L6-v2")
    retrieve, chat = app.span("retrieval notes"), app.span(f"chat {MODEL}")
    for child in (embed, retrieve, chat):
        assert child.parent is not None
        assert child.parent.span_id == root.context.span_id
    assert (root.kind, embed.kind, retrieve.kind, chat.kind) == (
        SpanKind.SERVER,
        SpanKind.INTERNAL,
        SpanKind.INTERNAL,
        SpanKind.CLIENT,
    )
    assert dict(embed.attributes or {}) == {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": "onnxruntime",
        "gen_ai.request.model": "all-MiniLM-L6-v2",
        "gen_ai.embeddings.dimension.count": 384,
    }
    attributes = dict(chat.attributes or {})
    assert attributes.pop("gen_ai.response.time_to_first_chunk") == answer["time_to_first_chunk"]
    assert attributes.pop("server.port") > 0
    assert attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "vllm",
        "gen_ai.request.model": MODEL,
        "gen_ai.request.max_tokens": 256,
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.stream": True,
        "gen_ai.response.id": "chatcmpl-ticket-7",
        "gen_ai.response.model": MODEL,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 420,
        "gen_ai.usage.output_tokens": 3,
        "http.request.header.x-request-id": ("ticket-7",),
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
    }


def test_a_stream_tells_its_sources_then_its_text_then_its_figures(start: Start) -> None:
    response = start().client.post("/ask", json=QUESTION | {"stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    told = events(response.text)
    assert [name for name, _ in told] == ["sources", "delta", "delta", "delta", "done"]
    assert told[0][1][0]["path"] == "queue.md"
    assert "".join(data["text"] for name, data in told if name == "delta") == "Raise --max-num-seqs [1]."
    assert told[-1][1]["usage"]["output_tokens"] == 3


def test_metrics_count_what_happened(start: Start) -> None:
    app = start()
    answer = app.client.post("/ask", json=QUESTION).json()
    assert app.value("rag_request_duration_seconds_count", outcome="ok") == 1
    for stage in ("embed", "retrieve", "generate"):
        assert app.value("rag_stage_duration_seconds_sum", stage=stage) == answer["timings"][stage]
    assert app.value("rag_time_to_first_chunk_seconds_sum", model=MODEL) == answer["time_to_first_chunk"]
    assert app.value("rag_tokens_total", model=MODEL, type="input") == 420
    assert app.value("rag_tokens_total", model=MODEL, type="output") == 3
    assert app.value("rag_answers_total", model=MODEL, finish_reason="stop") == 1
    assert app.value("rag_retrieval_similarity_sum") == pytest.approx(answer["sources"][0]["similarity"], abs=1e-4)
    assert app.value("rag_retrieved_documents_sum") == len(answer["sources"])
    assert app.value("rag_index_documents") == app.value("rag_index_chunks") == 2
    assert app.value("rag_requests_in_flight") == 0


def test_a_duration_leads_to_its_trace(start: Start) -> None:
    app = start()
    answer = app.client.post("/ask", json=QUESTION).json()
    text = app.client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}).text
    assert f'# {{trace_id="{answer["trace_id"]}"}}' in text


def test_one_log_line_tells_all_of_a_question_but_its_text(start: Start) -> None:
    app = start()
    answer = app.client.post("/ask", json=QUESTION).json()
    line = app.asked().__dict__
    assert line["outcome"] == "ok"
    assert line["request_id"] == answer["request_id"]
    assert line["timings"]["generate"] == pytest.approx(answer["timings"]["generate"], abs=1e-6)
    assert line["output_tokens"] == 3
    assert QUESTION["question"] not in str(line)


@pytest.mark.parametrize(
    ("refusal", "end", "kind", "reason"),
    [
        (
            (400, "maximum context length is 2048 tokens"),
            "done",
            "400",
            "vLLM refused with 400: maximum context length",
        ),
        ((503, "no healthy upstream"), "done", "503", "vLLM refused with 503: no healthy upstream"),
        (None, "error", "stream_error", "vLLM broke off: EngineDeadError"),
        (None, "cut", "incomplete", "ended in the middle"),
    ],
)
def test_vllms_failure_is_502_with_its_reason(
    start: Start, upstream: Upstream, refusal: tuple[int, str] | None, end: str, kind: str, reason: str
) -> None:
    app = start()
    upstream.refusal, upstream.end = refusal, end
    response = app.client.post("/ask", json=QUESTION)
    assert response.status_code == 502
    error = response.json()["error"]
    assert (error["stage"], error["type"]) == ("generate", kind)
    assert reason in error["reason"]
    assert app.value("rag_errors_total", stage="generate", type=kind) == 1
    assert app.value("rag_request_duration_seconds_count", outcome="error") == 1
    chat = app.span(f"chat {MODEL}")
    assert (chat.attributes or {})["error.type"] == kind
    assert chat.status.status_code is StatusCode.ERROR
    assert app.asked().__dict__["reason"] == error["reason"]


def test_a_vllm_that_is_down_is_502(start: Start) -> None:
    app = start(vllm_url="http://127.0.0.1:9/v1", model=MODEL)
    response = app.client.post("/ask", json=QUESTION | {"stream": True})
    assert response.status_code == 502
    assert response.json()["error"]["type"] == "unreachable"


def test_a_vllm_that_takes_too_long_is_504(start: Start, upstream: Upstream) -> None:
    app = start(timeout=2)
    upstream.hold.clear()
    response = app.client.post("/ask", json=QUESTION)
    assert response.status_code == 504
    assert response.json()["error"]["reason"] == "no complete answer within 2 s"
    assert upstream.left.wait(PATIENCE), "vLLM goes on working on an answer that nobody takes"


def test_a_stream_that_breaks_says_so_in_the_stream(start: Start, upstream: Upstream) -> None:
    upstream.end = "error"
    told = events(start().client.post("/ask", json=QUESTION | {"stream": True}).text)
    assert told[-1][0] == "error"
    assert told[-1][1]["type"] == "stream_error"


@pytest.mark.parametrize("stream", [False, True])
def test_who_hangs_up_frees_vllm(start: Start, upstream: Upstream, stream: bool) -> None:
    app = start()
    upstream.hold.clear()
    url, body = app.client.base_url, json.dumps(QUESTION | {"stream": stream})
    with socket.create_connection((url.host, url.port or 80)) as asker:
        head = f"POST /ask HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        asker.sendall((head + body).encode())
        assert upstream.talking.wait(PATIENCE)
        if stream:
            assert asker.recv(1), "the stream has begun"
    assert upstream.left.wait(PATIENCE), "the call of vLLM goes on"
    eventually(lambda: app.value("rag_requests_in_flight") == 0)
    eventually(lambda: app.value("rag_request_duration_seconds_count", outcome="aborted") == 1)
    assert (app.span(f"chat {MODEL}").attributes or {})["error.type"] == "CancelledError"
    assert app.asked().__dict__["outcome"] == "aborted"


def test_embeddings_can_come_from_a_server(start: Start, upstream: Upstream) -> None:
    app = start(embeddings_url=upstream.url)
    answer = app.client.post("/ask", json=QUESTION | {"question": "queue queue queue"}).json()
    assert answer["sources"][0]["path"] == "queue.md"
    span = app.span(f"embeddings {MODEL}")
    assert span.kind is SpanKind.CLIENT
    assert (span.attributes or {})["gen_ai.provider.name"] == "vllm"
    asked = next(s for s in upstream.seen if s["body"].get("input") == ["queue queue queue"])
    assert f"{span.context.span_id:016x}" in asked["headers"]["traceparent"]


def test_a_server_that_refuses_to_embed_is_502(start: Start, upstream: Upstream) -> None:
    app = start(embeddings_url=upstream.url)
    upstream.refusal = (404, "no such model")
    response = app.client.post("/ask", json=QUESTION)
    assert response.status_code == 502
    error = response.json()["error"]
    assert (error["stage"], error["type"]) == ("embed", "404")
    assert "no such model" in error["reason"]
    assert app.value("rag_errors_total", stage="embed", type="404") == 1


@pytest.mark.parametrize("body", [{}, {"question": ""}, {"question": "x" * 8001}, {"question": "x", "top_k": 0}])
def test_what_is_no_question_is_422(start: Start, body: dict[str, Any]) -> None:
    assert start().client.post("/ask", json=body).status_code == 422
