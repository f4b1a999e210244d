"""Every metric, in one place. README.md explains each, and the dashboard uses each; a test holds the three together."""

from opentelemetry import trace
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 45, 60, 75, 120)  # seconds


class Metrics:
    """The metrics of one application. Labels have few values each: never an id, a question or a message."""

    def __init__(self) -> None:
        self.registry = r = CollectorRegistry()
        ProcessCollector(registry=r)
        PlatformCollector(registry=r)
        self.in_flight = Gauge("rag_requests_in_flight", "Questions being answered", registry=r)
        self.duration = Histogram(
            "rag_request_duration_seconds",
            "From a question to the end of its answer, by how it ended",
            ["outcome"],
            buckets=FAST,
            registry=r,
        )
        self.stage = Histogram(
            "rag_stage_duration_seconds", "Part of a stage in that", ["stage"], buckets=FAST, registry=r
        )
        self.first_chunk = Histogram(
            "rag_time_to_first_chunk_seconds",
            "From the call of vLLM to the first text of its answer",
            ["model"],
            buckets=FAST,
            registry=r,
        )
        self.documents = Histogram(
            "rag_retrieved_documents",
            "Chunks found per question that are similar enough",
            buckets=(0, 1, 2, 3, 4, 6, 8, 12, 20),
            registry=r,
        )
        self.similarity = Histogram(
            "rag_retrieval_similarity",
            "Cosine between a question and the nearest chunk",
            buckets=(0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1),
            registry=r,
        )
        self.tokens = Counter(
            "rag_tokens", "Tokens as vLLM counts them: input and output", ["model", "type"], registry=r
        )
        self.answers = Counter("rag_answers", "Answers by why vLLM ended them", ["model", "finish_reason"], registry=r)
        self.errors = Counter("rag_errors", "Questions without an answer", ["stage", "type"], registry=r)
        self.chunks = Gauge("rag_index_chunks", "Chunks in the index", registry=r)
        self.indexed = Gauge("rag_index_documents", "Pages in the index", registry=r)


def exemplar() -> dict[str, str] | None:
    """The trace that a measured value comes from, for the few values that a store keeps."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid or not context.trace_flags.sampled:
        return None
    return {"trace_id": trace.format_trace_id(context.trace_id)}
