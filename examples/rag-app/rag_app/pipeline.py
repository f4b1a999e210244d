"""One question from its text to its answer, stage by stage: embed → retrieve → generate."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Tracer

from rag_app import corpus
from rag_app.embedding import Embedder, LocalEmbedder, RemoteEmbedder, Vectors
from rag_app.errors import Failure, Stage
from rag_app.generation import Generation, Generator, Message, failures
from rag_app.metrics import Metrics, exemplar
from rag_app.retrieval import Hit, Index
from rag_app.settings import Settings

log = logging.getLogger("rag")

INSTRUCTIONS = (
    "You help the person on call for a vLLM deployment. Answer from the documentation that comes with the question, and"
    " from nothing else. Be short, name flags and metrics exactly, and put the number of the section in brackets, such"
    " as [2], behind what you took from it. When the documentation does not answer the question, say so."
)


@dataclass
class Answer:
    """A question on its way: each stage adds what it found out."""

    question: str
    request_id: str
    hits: list[Hit] = field(default_factory=list)
    generation: Generation | None = None
    timings: dict[str, float] = field(default_factory=dict)  # seconds, by stage and "total"


class Pipeline:
    """Everything that answers. Build the index before the first question."""

    def __init__(self, settings: Settings, generator: Generator, tracer: Tracer, metrics: Metrics) -> None:
        self._settings = settings
        self._generator = generator
        self._tracer = tracer
        self._metrics = metrics
        self._embedder: Embedder | None = None
        self._index: Index | None = None

    @property
    def ready(self) -> bool:
        return self._index is not None

    async def build(self) -> None:
        """Read the corpus and embed it: seconds, hence in a thread."""
        began = perf_counter()
        index, embedder = await asyncio.to_thread(self._build)
        self._metrics.chunks.set(len(index.chunks))
        self._metrics.indexed.set(index.documents)
        self._index, self._embedder = index, embedder
        log.info(
            "the index is built",
            extra={
                "documents": index.documents,
                "chunks": len(index.chunks),
                "seconds": round(perf_counter() - began, 3),
            },
        )

    def _build(self) -> tuple[Index, Embedder]:
        s = self._settings
        embedder: Embedder = (
            RemoteEmbedder(s.embeddings_url, s.embeddings_model, s.api_key.get_secret_value(), s.timeout)
            if s.embeddings_url
            else LocalEmbedder(s.embedding_threads)
        )
        return Index(corpus.load(s.corpus), embedder), embedder

    async def answer(
        self, answer: Answer, *, top_k: int | None, max_tokens: int | None, tell: Callable[[str], None]
    ) -> None:
        """Answer, giving text to `tell` as it comes. Raises Failure; what is known by then is in `answer`."""
        began = perf_counter()
        self._metrics.in_flight.inc()
        outcome, told = "aborted", logging.INFO
        failure: Failure | None = None
        try:
            await self._stages(answer, top_k, max_tokens, tell)
            outcome = "ok"
        except Failure as e:
            outcome, told, failure = "error", logging.WARNING, e
            self._metrics.errors.labels(e.stage, e.kind).inc()
            raise
        finally:
            answer.timings["total"] = perf_counter() - began
            self._metrics.in_flight.dec()
            self._metrics.duration.labels(outcome).observe(answer.timings["total"], exemplar())
            log.log(told, "a question was asked", extra=record(answer, outcome, failure))

    async def _stages(
        self, answer: Answer, top_k: int | None, max_tokens: int | None, tell: Callable[[str], None]
    ) -> None:
        if self._index is None or self._embedder is None:
            raise Failure(503, Stage.EMBED, "not_ready", "the index is still being built")
        with self._stage(Stage.EMBED, answer):
            vector = await self._embed(self._embedder, answer.question)
        with self._stage(Stage.RETRIEVE, answer):
            answer.hits = self._retrieve(self._index, vector, top_k or self._settings.top_k)
        with self._stage(Stage.GENERATE, answer):
            answer.generation = await self._generator.chat(
                prompt(answer.question, answer.hits, self._settings.context_chars),
                request_id=answer.request_id,
                max_tokens=max_tokens or self._settings.max_tokens,
                temperature=self._settings.temperature,
                tell=tell,
            )

    @contextmanager
    def _stage(self, stage: Stage, answer: Answer) -> Iterator[None]:
        began = perf_counter()
        try:
            yield
        finally:
            answer.timings[stage] = perf_counter() - began
            self._metrics.stage.labels(stage).observe(answer.timings[stage], exemplar())

    async def _embed(self, embedder: Embedder, question: str) -> Vectors:
        local = isinstance(embedder, LocalEmbedder)
        attributes = {
            "gen_ai.operation.name": "embeddings",
            "gen_ai.provider.name": embedder.provider,
            "gen_ai.request.model": embedder.model,
        }
        kind = SpanKind.INTERNAL if local else SpanKind.CLIENT
        with (
            self._tracer.start_as_current_span(
                f"embeddings {embedder.model}", kind=kind, attributes=attributes
            ) as span,
            failures(self._settings.timeout, Stage.EMBED),
        ):
            vector = await asyncio.to_thread(embedder.embed, [question])
            span.set_attribute("gen_ai.embeddings.dimension.count", vector.shape[1])
            return vector

    def _retrieve(self, index: Index, vector: Vectors, top_k: int) -> list[Hit]:
        source = self._settings.corpus.name
        attributes: dict[str, str | int] = {
            "gen_ai.operation.name": "retrieval",
            "gen_ai.data_source.id": source,
            "gen_ai.request.top_k": top_k,
        }
        with self._tracer.start_as_current_span(f"retrieval {source}", attributes=attributes) as span:
            nearest = index.search(vector, top_k, min_similarity=-1)
            hits = [h for h in nearest if h.similarity >= self._settings.min_similarity]
            self._metrics.similarity.observe(nearest[0].similarity, exemplar())
            self._metrics.documents.observe(len(hits))
            span.set_attribute("rag.retrieval.similarity", nearest[0].similarity)
            span.set_attribute("rag.retrieval.documents", [h.chunk.path for h in hits])
            return hits


def prompt(question: str, hits: list[Hit], limit: int) -> list[Message]:
    """Instructions first and always the same, so that vLLM's prefix cache has them; then chunks, then the question."""
    sections: list[str] = []
    left = limit
    for number, hit in enumerate(hits, 1):
        section = f"[{number}] {hit.chunk.heading}\n{hit.chunk.text}"[:left]
        if not section:
            break
        left -= len(section)
        sections.append(section)
    found = "\n\n".join(sections) or "(nothing in the documentation resembles the question)"
    return [
        {"role": "system", "content": INSTRUCTIONS},
        {"role": "user", "content": f"Documentation:\n\n{found}\n\nQuestion: {question}"},
    ]


def record(answer: Answer, outcome: str, failure: Failure | None) -> dict[str, object]:
    """The log line of a question: all that is known of it, but not its text, which may be anybody's secret."""
    line: dict[str, object] = {
        "request_id": answer.request_id,
        "outcome": outcome,
        "timings": {k: round(v, 6) for k, v in answer.timings.items()},
        "documents": len(answer.hits),
    }
    if answer.hits:
        line["similarity"] = round(answer.hits[0].similarity, 4)
    if g := answer.generation:
        line |= {
            "model": g.model,
            "finish_reason": g.finish_reason,
            "input_tokens": g.input_tokens,
            "output_tokens": g.output_tokens,
            "time_to_first_chunk": g.first_chunk,
        }
    if failure:
        line |= {"stage": str(failure.stage), "error_type": failure.kind, "reason": failure.reason}
    return line


def trace_id() -> str | None:
    """The trace of the question that is being answered."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None
