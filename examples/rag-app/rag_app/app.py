"""HTTP: POST /ask, /healthz, /readyz, /metrics, and what becomes of a client that goes away."""

import asyncio
import json
import logging
import re
import uuid
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client.exposition import choose_encoder
from pydantic import BaseModel, Field

from rag_app.errors import Failure
from rag_app.generation import Generator
from rag_app.metrics import Metrics
from rag_app.pipeline import Answer, Pipeline, trace_id
from rag_app.settings import Settings

log = logging.getLogger("rag")

# An id is written into logs, spans and a header. What does not look like one is replaced.
REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


class Escaped(JSONResponse):
    """JSON in ASCII. A model may say half of a surrogate pair, which UTF-8 cannot hold and an escape can."""

    def render(self, content: object) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


class Question(BaseModel):
    """What POST /ask takes."""

    question: str = Field(min_length=1, max_length=8000, description="What you want to know")
    stream: bool = Field(default=False, description="Answer as server-sent events")
    top_k: int | None = Field(default=None, ge=1, le=20, description="Chunks to retrieve; default RAG_TOP_K")
    max_tokens: int | None = Field(default=None, ge=1, le=8192, description="Longest answer; default RAG_MAX_TOKENS")


def create(settings: Settings, provider: TracerProvider, metrics: Metrics) -> FastAPI:
    """Make the application. Its index is built once it runs; until then it is alive but not ready."""
    tracer = provider.get_tracer("rag_app")
    generator = Generator(
        url=settings.vllm_url,
        model=settings.model,
        api_key=settings.api_key.get_secret_value(),
        timeout=settings.timeout,
        connect_timeout=settings.connect_timeout,
        tracer=tracer,
        metrics=metrics,
    )
    pipeline = Pipeline(settings, generator, tracer, metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        building = asyncio.create_task(build(pipeline))
        yield
        building.cancel()
        await generator.close()
        await asyncio.to_thread(provider.shutdown)  # sends the spans that are left

    app = FastAPI(title="Ask the runbooks", lifespan=lifespan)

    @app.post("/ask", response_model=None)
    async def ask(question: Question, request: Request) -> Response:
        given = request.headers.get("x-request-id", "")
        answer = Answer(question.question, given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex)
        headers = {"X-Request-Id": answer.request_id}
        pieces: asyncio.Queue[str | None] = asyncio.Queue()
        work = asyncio.create_task(
            while_listening(
                request,
                pipeline.answer(answer, top_k=question.top_k, max_tokens=question.max_tokens, tell=pieces.put_nowait),
            )
        )
        work.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            # The status is the stream's, too: nothing is sent before vLLM has said something, or failed.
            first = await pieces.get()
            if question.stream and first is not None:
                return StreamingResponse(
                    stream(answer, first, pieces, work), media_type="text/event-stream", headers=headers
                )
            await work
        except Failure as e:
            return Escaped(failed(answer, e), e.status, headers)
        except asyncio.CancelledError:
            work.cancel()
            return Response(status_code=499)  # nobody reads it
        return Escaped(whole(answer), headers=headers)

    @app.exception_handler(RequestValidationError)
    async def refuse(_: Request, e: RequestValidationError) -> Response:
        return Escaped({"detail": jsonable_encoder(e.errors())}, 422)  # quotes what was sent

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz")
    async def readyz() -> Response:
        return JSONResponse({"ready": pipeline.ready}, 200 if pipeline.ready else 503)

    @app.get("/metrics")
    async def exposition(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(metrics.registry), headers={"Content-Type": content_type})

    FastAPIInstrumentor.instrument_app(
        app, tracer_provider=provider, excluded_urls="healthz,readyz,metrics", exclude_spans=["receive", "send"]
    )
    return app


async def build(pipeline: Pipeline) -> None:
    """Build the index, or say why it cannot be: the application stays unready."""
    try:
        await pipeline.build()
    except Exception:
        log.exception("the index cannot be built")


async def while_listening(request: Request, work: Coroutine[Any, Any, None]) -> None:
    """Do the work as long as the client is there. Cancelled work closes its connection to vLLM, which then aborts."""
    task = asyncio.ensure_future(work)
    gone = asyncio.create_task(disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        if not task.done():
            task.cancel()
    await task  # raises what it raised; CancelledError when the client has gone


async def disconnected(request: Request) -> None:
    """Return when the client has gone. The body has been read: what else comes is the end."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def stream(
    answer: Answer, first: str, pieces: asyncio.Queue[str | None], work: asyncio.Task[None]
) -> AsyncIterator[str]:
    """Server-sent events: `sources`, then `delta` for each piece of text, then `done` or `error`."""
    try:
        yield event("sources", sources(answer))
        piece: str | None = first
        while piece is not None:
            yield event("delta", {"text": piece})
            piece = await pieces.get()
        if work.cancelled():
            return  # the client has gone
        await work
        yield event("done", {k: v for k, v in whole(answer).items() if k not in ("answer", "sources")})
    except Failure as e:
        yield event("error", failed(answer, e)["error"])
    finally:
        work.cancel()


def event(name: str, data: object) -> str:
    # Escapes for all that is not ASCII: some clients take U+2028 or U+0085 for the end of the line, and of the event.
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


def whole(answer: Answer) -> dict[str, Any]:
    """An answer with where it comes from, and by what to find it in Grafana."""
    g = answer.generation
    return {
        "answer": g.text if g else "",
        "sources": sources(answer),
        "model": g.model if g else None,
        "finish_reason": g.finish_reason if g else None,
        "usage": {"input_tokens": g.input_tokens, "output_tokens": g.output_tokens} if g else None,
        "time_to_first_chunk": g.first_chunk if g else None,
        "timings": answer.timings,
        "request_id": answer.request_id,
        "trace_id": trace_id(),
    }


def sources(answer: Answer) -> list[dict[str, Any]]:
    return [
        {"path": h.chunk.path, "heading": h.chunk.heading, "similarity": round(h.similarity, 4)} for h in answer.hits
    ]


def failed(answer: Answer, e: Failure) -> dict[str, Any]:
    return {
        "error": {
            "stage": e.stage,
            "type": e.kind,
            "reason": e.reason,
            "request_id": answer.request_id,
            "trace_id": trace_id(),
        }
    }
