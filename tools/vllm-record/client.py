"""The client: sends requests over HTTP and writes down what it saw (truth.jsonl)."""

import http.client
import json
import random
import socket
import threading
import time

WORDS = (
    "the quick brown fox jumps over lazy dog slow queue fills waiting request id prompt token time "
    "busy engine batch answer metric count log trace connect question joined hello world fine thank you"
).split()


class Client:
    def __init__(self, port: int, seed: int = 7) -> None:
        self.port = port
        self.random = random.Random(seed)
        self.truth: list[dict] = []
        self.lock = threading.Lock()

    def words(self, count: int) -> str:
        return " ".join(self.random.choice(WORDS) for _ in range(count))

    def traceparent(self, sampled: bool = True) -> str:
        r = self.random
        return f"00-{r.getrandbits(128):032x}-{r.getrandbits(64):016x}-0{int(sampled)}"

    def send(
        self,
        case: str,
        path: str = "/v1/completions",
        body: dict | str | None = None,
        rid: str | None = None,
        trace: str | None = None,
        method: str = "POST",
        headers: dict | None = None,
        abort_after_chunks: int | None = None,
        abort_after_s: float | None = None,
        timeout: float = 120,
    ) -> dict:
        """One request. `abort_*` closes the socket after that many SSE chunks, or after that many seconds without reading."""
        head = {"Content-Type": "application/json", **(headers or {})}
        if rid is not None:
            head["X-Request-Id"] = rid
        if trace is not None:
            head["traceparent"] = trace
        raw = body if isinstance(body, str) else json.dumps(body) if body is not None else None
        row = {
            "case": case,
            "method": method,
            "path": path,
            "request_headers": {k: v for k, v in head.items() if k != "Content-Type"},
            "request": body if raw is None or len(raw) < 600 else _shorten(body),
            "aborted": False,
        }
        with self.lock:
            row["seq"] = len(self.truth)
            self.truth.append(row)
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        row["start_ns"] = time.time_ns()
        try:
            conn.connect()
            conn.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            row["client_port"] = conn.sock.getsockname()[1]
            conn.request(method, path, body=raw, headers=head)
            if abort_after_s is not None:
                time.sleep(abort_after_s)
                row["aborted"] = True
                return row
            response = conn.getresponse()
            row["headers_ns"] = time.time_ns()
            row["status"] = response.status
            row["response_headers"] = {
                k.lower(): v for k, v in response.getheaders() if k.lower() not in ("date", "server")
            }
            if "text/event-stream" in (response.getheader("Content-Type") or ""):
                self._stream(row, response, abort_after_chunks)
            else:
                data = response.read()
                row["first_byte_ns"] = row["headers_ns"]
                _digest(row, data)
        except Exception as error:  # the server may die under us: that too is truth
            row["client_error"] = f"{type(error).__name__}: {error}"
        finally:
            row["end_ns"] = time.time_ns()
            conn.close()
        return row

    def _stream(self, row: dict, response, abort_after_chunks: int | None) -> None:
        row["stream"] = True
        chunks, finish = 0, {}
        while line := response.readline():
            if not line.startswith(b"data: "):
                continue
            row.setdefault("first_byte_ns", time.time_ns())
            payload = line[6:].strip()
            if payload == b"[DONE]":
                row["done"] = True
                continue
            chunks += 1
            doc = json.loads(payload)
            if "id" in doc:
                row["response_id"] = doc["id"]
            if doc.get("response", {}) and "id" in (doc.get("response") or {}):
                row["response_id"] = doc["response"]["id"]
            if "model" in doc:
                row["response_model"] = doc["model"]
            if "error" in doc:
                row["error"] = doc["error"]
            for choice in doc.get("choices") or []:
                text = choice.get("text") or (choice.get("delta") or {}).get("content")
                if text:
                    row.setdefault("first_text_ns", time.time_ns())
                if choice.get("finish_reason"):
                    finish[choice["index"]] = choice["finish_reason"]
            if doc.get("usage"):
                row["usage"] = doc["usage"]
            if abort_after_chunks is not None and chunks >= abort_after_chunks:
                row["aborted"] = True
                break
        row["chunks"] = chunks
        row["finish_reasons"] = [finish[i] for i in sorted(finish)]

    def together(self, calls: list[dict]) -> list[dict]:
        """Sends all calls at once, each in a thread of its own, and waits for all."""
        rows: list[dict] = [{}] * len(calls)

        def one(i: int, call: dict) -> None:
            time.sleep(call.pop("delay", 0))
            rows[i] = self.send(**call)

        threads = [threading.Thread(target=one, args=(i, dict(c))) for i, c in enumerate(calls)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return rows


def _shorten(value):
    if isinstance(value, dict):
        return {k: _shorten(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_shorten(v) for v in value]
    if isinstance(value, str) and len(value) > 120:
        return value[:80] + f"… ({len(value)} characters)"
    return value


def _digest(row: dict, data: bytes) -> None:
    row["response_bytes"] = len(data)
    try:
        doc = json.loads(data)
    except ValueError:
        return
    if not isinstance(doc, dict):
        return
    for source, target in (("id", "response_id"), ("model", "response_model"), ("usage", "usage"), ("metrics", "metrics"), ("error", "error")):
        if doc.get(source) is not None:
            row[target] = doc[source]
    if "choices" in doc:
        row["finish_reasons"] = [c.get("finish_reason") for c in doc["choices"]]
