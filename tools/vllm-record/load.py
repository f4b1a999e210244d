"""The load of each run. Every function is bounded in count and time and ends by itself."""

import threading
import time

from client import Client

CHAT = "/v1/chat/completions"
COMP = "/v1/completions"
MODEL = "tiny-llama"
ALIAS = "tiny-alias"


def comp(prompt, max_tokens=16, model=MODEL, **extra) -> dict:
    return {"model": model, "prompt": prompt, "max_tokens": max_tokens, "ignore_eos": True, **extra}


def chat(text, max_tokens=16, model=MODEL, **extra) -> dict:
    messages = [{"role": "user", "content": text}]
    return {"model": model, "messages": messages, "max_tokens": max_tokens, "ignore_eos": True, **extra}


USAGE = {"stream": True, "stream_options": {"include_usage": True}}


def main(c: Client, mark) -> None:
    """The whole catalogue of cases; `mark(name)` notes the phase in the recording."""
    tp, w = c.traceparent, c.words

    mark("basic")
    c.send("health", "/health", method="GET")
    c.send("models", "/v1/models", method="GET")
    c.send("completion", body=comp(w(12)), rid="basic-comp", trace=tp())
    c.send("completion-stream", body=comp(w(12), 24, **USAGE), rid="basic-comp-stream", trace=tp())
    c.send("chat", CHAT, chat(w(12)), rid="basic-chat", trace=tp())
    c.send("chat-stream", CHAT, chat(w(12), 24, **USAGE), rid="basic-chat-stream", trace=tp())
    c.send("no-id", body=comp(w(8)))
    c.send("no-id-chat-stream", CHAT, chat(w(8), **USAGE), trace=tp())
    c.send("body-request-id", CHAT, chat(w(8), request_id="from-body"), trace=tp())
    c.send("body-and-header-id", CHAT, chat(w(8), request_id="from-body-2"), rid="from-header", trace=tp())
    c.send("alias-model", CHAT, chat(w(8), model=ALIAS), rid="alias-chat", trace=tp())

    mark("sampling")
    c.send("temperature-0", body=comp(w(10), temperature=0), rid="temp-0", trace=tp())
    c.send("temperature-0.7-top_p-0.9", body=comp(w(10), temperature=0.7, top_p=0.9, seed=3), rid="temp-07", trace=tp())
    c.send("top_k-frequency-penalty", CHAT, chat(w(10), top_k=5, frequency_penalty=0.5), rid="top-k", trace=tp())
    c.send("one-token", body=comp(w(10), 1), rid="one-token", trace=tp())
    c.send("max_tokens-unset", CHAT, {"model": MODEL, "messages": [{"role": "user", "content": w(5)}], "logit_bias": {"2": 100}}, rid="no-max", trace=tp())
    c.send("stop-eos", body={**comp(w(10), 32, logit_bias={"2": 100}), "ignore_eos": False}, rid="stop-eos", trace=tp())
    c.send("stop-string", CHAT, chat(w(10), 200, stop=["e", "a"], temperature=1.0), rid="stop-string", trace=tp())
    c.send("logprobs-echo", body=comp(w(6), 8, logprobs=2, echo=True), rid="logprobs", trace=tp())
    c.send("beam-search", body=comp(w(6), 8, use_beam_search=True, n=2, temperature=0), rid="beam", trace=tp())
    c.send("repetition-detection", body=comp(w(6), 200, temperature=0, repetition_detection={"max_pattern_size": 8, "min_pattern_size": 1, "min_count": 3}), rid="repetition", trace=tp())
    c.send("structured-output", CHAT, chat(w(6), 60, response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}}}), rid="structured", trace=tp())

    mark("several sequences")
    c.send("two-prompts", body=comp([w(8), w(9)], 12), rid="two-prompts", trace=tp())
    c.send("three-prompts-stream", body=comp([w(8), w(9), w(10)], 12, **USAGE), rid="three-prompts", trace=tp())
    c.send("n-3", CHAT, chat(w(8), 12, n=3, temperature=1.0), rid="n-three", trace=tp())
    c.send("n-3-stream", body=comp(w(8), 12, n=3, temperature=1.0, **USAGE), rid="n-three-stream", trace=tp())
    c.send("two-prompts-n-2", body=comp([w(8), w(9)], 12, n=2, temperature=1.0), rid="two-by-two", trace=tp())
    c.send("twelve-prompts", body=comp([w(4) for _ in range(12)], 4), rid="twelve-prompts", trace=tp())

    mark("ids")
    for rid in ("req-1", "req-10", "req-100", "req-1-0", "req-1-deadbeef", "0_req-1"):
        c.send("prefix-ids", body=comp(w(6), 6), rid=rid, trace=tp())
        c.send("prefix-ids-chat", CHAT, chat(w(6), 6), rid=rid, trace=tp())
    c.send("odd-id", CHAT, chat(w(6), 6), rid='we"ird/id 7%20{x="y"}', trace=tp())
    c.send("uuid-id", CHAT, chat(w(6), 6), rid="6F9619FF-8B86-D011-B42D-00CF4FC964FF", trace=tp())
    c.send("long-id", CHAT, chat(w(6), 6), rid="L" * 300, trace=tp())
    c.send("empty-id", CHAT, chat(w(6), 6), rid="", trace=tp())
    c.send("retry-1", CHAT, chat(w(6), 6), rid="retried", trace=tp())
    c.send("retry-2", CHAT, chat(w(6), 6), rid="retried", trace=tp())
    c.together([{"case": "retry-at-once", "path": CHAT, "body": chat(w(6), 40), "rid": "retried-at-once", "trace": tp()} for _ in range(2)])

    mark("trace context")
    c.send("unsampled", body=comp(w(6), 6), rid="unsampled", trace=tp(sampled=False))
    c.send("no-traceparent", body=comp(w(6), 6), rid="no-traceparent")
    c.send("bad-traceparent", body=comp(w(6), 6), rid="bad-traceparent", trace="00-zz-1-01")
    shared = tp()
    c.send("tracestate", body=comp(w(6), 6), rid="tracestate", trace=shared, headers={"tracestate": "vendor=opaque"})
    c.send("same-trace-again", CHAT, chat(w(6), 6), rid="same-trace", trace=shared)

    mark("errors")
    c.send("unknown-model", body=comp(w(6), model="no-such-model"), rid="unknown-model", trace=tp())
    c.send("too-long-prompt", body=comp(w(3000)), rid="too-long", trace=tp())
    c.send("too-long-with-max_tokens", body=comp(w(100), 2040), rid="too-long-max", trace=tp())
    c.send("bad-json", body='{"model": "tiny-llama", ', rid="bad-json", trace=tp())
    c.send("bad-temperature", body=comp(w(6), temperature=-1), rid="bad-temperature", trace=tp())
    c.send("bad-type", body=comp(w(6), max_tokens="many"), rid="bad-type", trace=tp())
    c.send("missing-messages", CHAT, {"model": MODEL}, rid="missing-messages", trace=tp())
    c.send("unknown-path", "/v1/nothing", {}, rid="unknown-path")
    c.send("wrong-method", COMP, method="GET", rid="wrong-method")
    c.send("embeddings-on-generate-model", "/v1/embeddings", {"model": MODEL, "input": "x"}, rid="embeddings")
    c.send("bad-schema-stream", CHAT, chat(w(6), 20, response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "no-such-type"}}}, **USAGE), rid="bad-schema", trace=tp())

    mark("other endpoints")
    c.send("responses", "/v1/responses", {"model": MODEL, "input": w(6), "max_output_tokens": 8}, rid="responses-1", trace=tp())
    c.send("responses-stream", "/v1/responses", {"model": MODEL, "input": w(6), "max_output_tokens": 8, "stream": True}, rid="responses-2", trace=tp())
    c.send("messages", "/v1/messages", {"model": MODEL, "max_tokens": 8, "messages": [{"role": "user", "content": w(6)}]}, rid="messages-1", trace=tp())
    c.send("tokenize", "/tokenize", {"model": MODEL, "prompt": w(6)}, rid="tokenize-1", trace=tp())
    c.send("batch-chat", "/v1/chat/completions/batch", {"model": MODEL, "max_tokens": 6, "messages": [[{"role": "user", "content": w(6)}], [{"role": "user", "content": w(6)}]]}, rid="batch-chat", trace=tp())
    c.send("version", "/version", method="GET")
    c.send("load", "/load", method="GET")

    mark("prefix cache")
    long = w(220)
    for i in range(4):
        c.send("prefix-cache", CHAT, chat(long, 8), rid=f"cached-{i}", trace=tp())

    mark("burst")
    calls = []
    for i in range(24):
        stream = USAGE if i % 2 else {}
        build, path = (chat, CHAT) if i % 3 else (comp, COMP)
        calls.append({"case": "burst", "path": path, "body": build(w(10 + i * 5), 40 + 5 * (i % 7), **stream), "rid": f"burst-{i}", "trace": tp()})
    # Two give up: one while it queues, one in mid-stream.
    calls.append({"case": "abort-queued", "path": CHAT, "body": chat(w(20), 60), "rid": "abort-queued", "trace": tp(), "delay": 0.3, "abort_after_s": 0.1})
    calls.append({"case": "abort-queued-stream", "body": comp(w(20), 60, stream=True), "rid": "abort-queued-stream", "trace": tp(), "delay": 0.3, "abort_after_s": 0.1})
    c.together(calls)

    mark("preemption")
    c.together([{"case": "preemption", "body": comp(w(200), 700, **USAGE), "rid": f"preempt-{i}", "trace": tp()} for i in range(6)])

    mark("aborts")
    c.send("abort-stream", CHAT, chat(w(12), 900, stream=True), rid="abort-stream", trace=tp(), abort_after_chunks=6)
    c.send("abort-stream-completion", body=comp(w(12), 900, stream=True), rid="abort-comp", trace=tp(), abort_after_chunks=6)
    c.send("abort-non-stream", CHAT, chat(w(12), 900), rid="abort-wait", trace=tp(), abort_after_s=0.5)
    c.send("abort-n-2", CHAT, chat(w(12), 900, n=2, stream=True, temperature=1.0), rid="abort-n", trace=tp(), abort_after_chunks=8)
    c.send("abort-two-prompts", body=comp([w(12), w(13)], 900, stream=True), rid="abort-two", trace=tp(), abort_after_chunks=8)
    time.sleep(1)

    mark("steady")
    for i in range(12):  # so that a stats line covers ordinary traffic
        c.send("steady", CHAT if i % 2 else COMP, (chat if i % 2 else comp)(w(30), 60), rid=f"steady-{i}", trace=tp())
    mark("idle")
    time.sleep(14)


def shutdown_in_flight(c: Client) -> None:
    """Requests that are running, and one that queues, when the server is told to stop."""
    c.together(
        [{"case": "in-flight-at-shutdown", "path": CHAT, "body": chat(c.words(12), 1500, **USAGE), "rid": f"shutdown-{i}", "trace": c.traceparent(), "timeout": 15} for i in range(5)]
    )


def defaults(c: Client, mark) -> None:
    """A short load against a server with default logging and without tracing."""
    mark("defaults")
    c.send("chat", CHAT, chat(c.words(10)), rid="d-chat", trace=c.traceparent())
    c.send("completion-stream", body=comp(c.words(10), **USAGE), rid="d-comp", trace=c.traceparent())
    c.send("abort-stream", CHAT, chat(c.words(12), 900, stream=True), rid="d-abort", abort_after_chunks=6)
    c.send("unknown-model", body=comp("x", model="no-such-model"), rid="d-unknown")
    c.send("bad-temperature", body=comp("x", temperature=-1), rid="d-bad")
    time.sleep(12)


def pause(c: Client, mark) -> None:
    """Requests that the engine itself aborts (POST /pause), one running and the rest queued."""
    mark("pause")
    c.send("before-pause", CHAT, chat(c.words(10)), rid="before-pause", trace=c.traceparent())
    long = [{"case": "aborted-by-pause", "path": CHAT, "body": chat(c.words(12), 1500, **({} if i % 2 else USAGE)), "rid": f"paused-{i}", "trace": c.traceparent()} for i in range(6)]
    c.together([*long, {"case": "pause", "path": "/pause?mode=abort", "delay": 1.5}])
    c.send("is-paused", "/is_paused", method="GET")
    c.send("resume", "/resume")
    c.send("after-pause", CHAT, chat(c.words(10)), rid="after-pause", trace=c.traceparent())
    time.sleep(2)


def errors(c: Client, mark, kill_engine) -> None:
    """Client errors with --log-error-stack, then the engine process dies under running requests."""
    mark("errors")
    c.send("unknown-model", body=comp("x", model="no-such-model"), rid="e-unknown", trace=c.traceparent())
    c.send("bad-temperature", body=comp("x", temperature=-1), rid="e-bad", trace=c.traceparent())
    c.send("chat", CHAT, chat(c.words(10)), rid="e-chat", trace=c.traceparent())
    mark("engine killed")
    long = [{"case": "engine-killed", "path": CHAT, "body": chat(c.words(12), 1500, **({} if i % 2 else USAGE)), "rid": f"killed-{i}", "trace": c.traceparent(), "timeout": 30} for i in range(4)]
    threading.Timer(1.5, kill_engine).start()
    c.together([*long, {"case": "health-after", "path": "/health", "method": "GET", "delay": 4.0, "timeout": 10}])



def short(c: Client, mark) -> None:
    """Some traffic for the variants in which only names and labels matter."""
    mark("short")
    c.together([{"case": "short", "path": CHAT if i % 2 else COMP, "body": (chat if i % 2 else comp)(c.words(20), 30, **(USAGE if i % 3 else {})), "rid": f"short-{i}", "trace": c.traceparent()} for i in range(12)])
    time.sleep(11)
