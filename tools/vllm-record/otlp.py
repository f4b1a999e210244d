"""An OTLP/HTTP trace receiver that keeps every export as one line of OTLP/JSON (ids in hex)."""

import base64
import gzip
import http.server
import json
import threading
import time


def to_json(body: bytes) -> dict:
    from google.protobuf.json_format import MessageToDict
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    message = ExportTraceServiceRequest()
    message.ParseFromString(body)
    doc = MessageToDict(message, use_integers_for_enums=True)
    for resource in doc.get("resourceSpans", []):
        for scope in resource.get("scopeSpans", []):
            for span in scope.get("spans", []):
                for key in ("traceId", "spanId", "parentSpanId"):
                    if key in span:
                        span[key] = base64.b64decode(span[key]).hex()
    return doc


class Receiver:
    def __init__(self) -> None:
        self.exports: list[tuple[int, dict]] = []  # (received ns, document)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path == "/v1/traces":
                    outer.exports.append((time.time_ns(), to_json(body)))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/traces"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()

    def spans(self) -> list[dict]:
        return [
            span
            for _, doc in self.exports
            for resource in doc.get("resourceSpans", [])
            for scope in resource.get("scopeSpans", [])
            for span in scope.get("spans", [])
        ]

    def dump(self) -> tuple[str, str]:
        lines = "".join(json.dumps(d, separators=(",", ":")) + "\n" for _, d in self.exports)
        index = "".join(json.dumps({"line": i + 1, "received_ns": ts}) + "\n" for i, (ts, _) in enumerate(self.exports))
        return lines, index
