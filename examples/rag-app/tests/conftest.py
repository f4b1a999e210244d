"""A vLLM of our own making for what a real one cannot be made to do, and the application as its users meet it."""

import asyncio
import json
import logging
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from rag_app.app import create
from rag_app.metrics import Metrics
from rag_app.settings import Settings

MODEL = "tiny-llama"
PATIENCE = 60  # seconds; only a test that fails waits for them


@dataclass
class Upstream:
    """What stands in for vLLM. `words` is what it says, `end` how it ends; `hold` keeps it from saying more."""

    url: str = ""
    words: list[str] = field(default_factory=lambda: ["Raise", " --max-num-seqs", " [1]."])
    end: str = "done"  # done, error, cut
    refusal: tuple[int, str] | None = None
    seen: list[dict[str, Any]] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)  # set: nothing is held
    talking: threading.Event = field(default_factory=threading.Event)  # it has said something
    left: threading.Event = field(default_factory=threading.Event)  # the application hung up

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/v1/models")
        async def models() -> dict[str, Any]:
            return {"object": "list", "data": [{"id": MODEL}]}

        @app.post("/v1/embeddings")
        async def embeddings(request: Request) -> Response:
            body = await request.json()
            self.seen.append({"body": body, "headers": dict(request.headers)})
            if self.refusal:
                status, message = self.refusal
                return JSONResponse({"error": {"message": message, "code": status}}, status)
            rows = [{"index": i, "embedding": letters(text)} for i, text in enumerate(body["input"])]
            return JSONResponse({"object": "list", "data": rows[::-1]})  # the order is that of index

        @app.post("/v1/chat/completions")
        async def chat(request: Request) -> Response:
            body = await request.json()
            self.seen.append({"body": body, "headers": dict(request.headers)})
            if self.refusal:
                status, message = self.refusal
                return JSONResponse({"error": {"message": message, "code": status}}, status)
            return StreamingResponse(self.stream(request), media_type="text/event-stream")

        return app

    async def stream(self, request: Request) -> Any:
        said = f"chatcmpl-{request.headers['x-request-id']}"
        base = {"id": said, "object": "chat.completion.chunk", "model": MODEL}

        def event(**more: Any) -> str:
            """As vLLM writes it, all letters as they are, but for what UTF-8 cannot hold."""
            text = json.dumps(base | more, ensure_ascii=False)
            return "data: " + re.sub("[\ud800-\udfff]", lambda half: json.dumps(half[0])[1:-1], text) + "\n\n"

        yield event(choices=[{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])
        for word in self.words:
            yield event(choices=[{"index": 0, "delta": {"content": word}, "finish_reason": None}])
            self.talking.set()
            try:
                while not self.hold.is_set():  # noqa: ASYNC110 -- the tests' own thread sets it
                    await asyncio.sleep(0.005)
            except asyncio.CancelledError:  # the client has hung up
                self.left.set()
                raise
        if self.end == "error":
            yield event(error={"message": "EngineDeadError"})
        if self.end != "done":
            return
        yield event(choices=[{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}])
        yield event(choices=[], usage={"prompt_tokens": 420, "completion_tokens": len(self.words)})
        yield "data: [DONE]\n\n"


def letters(text: str) -> list[float]:
    """An embedding that anybody can check: how often each letter occurs."""
    return [float(text.lower().count(chr(c))) for c in range(ord("a"), ord("z") + 1)]


class Server(uvicorn.Server):
    """An application on a port of its own, in a thread: what a TestClient cannot show is a client that hangs up."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None))
        self.thread = threading.Thread(target=self.run)

    def __enter__(self) -> str:
        self.thread.start()
        ready = threading.Event()
        while not self.started:
            assert self.thread.is_alive()
            ready.wait(0.01)
        port = self.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    def __exit__(self, *_: object) -> None:
        self.should_exit = True
        self.thread.join(PATIENCE)


@dataclass
class Application:
    """The application under test, with all that it emits."""

    client: httpx2.Client
    exporter: InMemorySpanExporter
    metrics: Metrics
    lines: list[logging.LogRecord]

    def span(self, name: str) -> ReadableSpan:
        """The one span of that name. A server span ends only after its response has been read."""
        eventually(lambda: name in [s.name for s in self.exporter.get_finished_spans()])
        (found,) = [s for s in self.exporter.get_finished_spans() if s.name == name]
        return found

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    def asked(self) -> logging.LogRecord:
        (line,) = [r for r in self.lines if r.getMessage() == "a question was asked"]
        return line


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    up = Upstream()
    up.hold.set()
    with Server(up.app()) as url:
        up.url = f"{url}/v1"
        yield up
        up.hold.set()


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "queue.md").write_text("# Queue\n\nWhen requests wait in the queue, raise --max-num-seqs.\n")
    (folder / "memory.md").write_text("# Memory\n\nCUDA out of memory kills the engine: lower the utilization.\n")
    return folder


@pytest.fixture
def start(upstream: Upstream, corpus: Path) -> Iterator[Callable[..., Application]]:
    """Start the application with other settings than the usual, if any."""
    servers: list[Server] = []
    clients: list[httpx2.Client] = []
    lines: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = lines.append  # type: ignore[method-assign]
    logger = logging.getLogger("rag")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)

    def run(**changed: Any) -> Application:
        settings = Settings(**{"vllm_url": upstream.url, "corpus": corpus} | changed)
        exporter, metrics = InMemorySpanExporter(), Metrics()
        provider = TracerProvider(resource=Resource.create({"service.name": "rag-app"}))
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        server = Server(create(settings, provider, metrics))
        client = httpx2.Client(base_url=server.__enter__(), timeout=PATIENCE)
        servers.append(server)
        clients.append(client)
        eventually(lambda: client.get("/readyz").status_code == httpx2.codes.OK)
        return Application(client, exporter, metrics, lines)

    yield run
    for client in clients:
        client.close()
    upstream.hold.set()
    for server in servers:
        server.__exit__()
    logger.removeHandler(handler)


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    pause = threading.Event()
    for _ in range(PATIENCE * 100):
        if condition():
            return
        pause.wait(0.01)
    pytest.fail("it does not come to hold")
