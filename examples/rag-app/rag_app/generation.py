"""Question and chunks → vLLM → text, streamed. The client span here is what the data source calls the caller."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import httpx2
from opentelemetry import propagate
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer

from rag_app.errors import Failure, Stage
from rag_app.metrics import Metrics, exemplar

Message = dict[str, str]


@dataclass
class Generation:
    """What is known of one call of vLLM. None is what vLLM did not say, or not yet."""

    model: str
    text: str = ""
    response_id: str | None = None
    response_model: str | None = None
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    first_chunk: float | None = None  # seconds from the call to the first text


class Generator:
    """Calls vLLM's chat completions. Its answer is always streamed: who does not stream waits for the last chunk."""

    def __init__(
        self,
        *,
        url: str,
        model: str,
        api_key: str,
        timeout: float,
        connect_timeout: float,
        tracer: Tracer,
        metrics: Metrics,
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        # Between chunks anything may pass: the deadline is that of the whole answer.
        patience = httpx2.Timeout(timeout, connect=connect_timeout)
        self._client = httpx2.AsyncClient(base_url=url.rstrip("/"), headers=headers, timeout=patience)
        self._model = model
        self._timeout = timeout
        self._tracer = tracer
        self._metrics = metrics

    async def close(self) -> None:
        await self._client.aclose()

    async def model(self) -> str:
        """The model to ask; when none is configured, the first that vLLM serves."""
        if not self._model:
            with failures(self._timeout):
                response = await self._client.get("/models")
                await refused(response)
                self._model = str(response.json()["data"][0]["id"])
        return self._model

    async def chat(
        self,
        messages: list[Message],
        *,
        request_id: str,
        max_tokens: int,
        temperature: float,
        tell: Callable[[str], None],
    ) -> Generation:
        """Ask vLLM, give every piece of text to `tell` as it comes, and return the whole. Raises Failure."""
        answer = Generation(await self.model())
        body = {
            "model": answer.model,
            "messages": messages,
            "max_tokens": max_tokens,
            "temperature": temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        with self._span(answer, body, request_id) as span, failures(self._timeout):
            headers = {"X-Request-Id": request_id}
            propagate.inject(headers)  # traceparent: what makes vLLM's span a child of ours
            began = perf_counter()
            async with (
                asyncio.timeout(self._timeout),
                self._client.stream("POST", "/chat/completions", json=body, headers=headers) as response,
            ):
                span.set_attribute("http.response.status_code", response.status_code)
                await refused(response)
                async for event in events(response):
                    text = take(answer, event)
                    if text and answer.first_chunk is None:
                        answer.first_chunk = perf_counter() - began
                    if text:
                        tell(text)
        return answer

    @contextmanager
    def _span(self, answer: Generation, body: dict[str, Any], request_id: str) -> Any:
        """A client span by the GenAI semantic conventions, also of a call that fails or is cancelled half-way."""
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "vllm",
            "gen_ai.request.model": answer.model,
            "gen_ai.request.max_tokens": body["max_tokens"],
            "gen_ai.request.temperature": body["temperature"],
            "gen_ai.request.stream": True,
            "server.address": self._client.base_url.host,
            "server.port": self._client.base_url.port or {"https": 443}.get(self._client.base_url.scheme, 80),
            "http.request.header.x-request-id": [request_id],
        }
        with self._tracer.start_as_current_span(
            f"chat {answer.model}",
            kind=SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except BaseException as e:  # a cancelled call is an outcome, too
                span.set_attribute("error.type", e.kind if isinstance(e, Failure) else type(e).__name__)
                span.set_status(StatusCode.ERROR, str(e) or "the asker has gone")
                raise
            finally:
                self._book(answer, span)

    def _book(self, answer: Generation, span: Span) -> None:
        """Put what became known on the span and into the metrics."""
        known = {
            "gen_ai.response.id": answer.response_id,
            "gen_ai.response.model": answer.response_model,
            "gen_ai.response.finish_reasons": [answer.finish_reason] if answer.finish_reason else None,
            "gen_ai.response.time_to_first_chunk": answer.first_chunk,
            "gen_ai.usage.input_tokens": answer.input_tokens,
            "gen_ai.usage.output_tokens": answer.output_tokens,
        }
        span.set_attributes({k: v for k, v in known.items() if v is not None})
        if answer.first_chunk is not None:
            self._metrics.first_chunk.labels(answer.model).observe(answer.first_chunk, exemplar())
        if answer.input_tokens is not None and answer.output_tokens is not None:
            self._metrics.tokens.labels(answer.model, "input").inc(answer.input_tokens)
            self._metrics.tokens.labels(answer.model, "output").inc(answer.output_tokens)
        if answer.finish_reason is not None:
            self._metrics.answers.labels(answer.model, answer.finish_reason).inc()


def take(answer: Generation, event: dict[str, Any]) -> str:
    """Note what an event of the stream says, and return its text."""
    if error := event.get("error"):  # the headers were out before the engine failed
        raise Failure(502, Stage.GENERATE, "stream_error", f"vLLM broke off: {error.get('message', error)}")
    answer.response_id = event.get("id") or answer.response_id
    answer.response_model = event.get("model") or answer.response_model
    if usage := event.get("usage"):
        answer.input_tokens = usage.get("prompt_tokens")
        answer.output_tokens = usage.get("completion_tokens")
    text = ""
    for choice in event.get("choices", []):
        text += choice.get("delta", {}).get("content") or ""
        answer.finish_reason = choice.get("finish_reason") or answer.finish_reason
    answer.text += text
    return text


async def events(response: httpx2.Response) -> AsyncIterator[dict[str, Any]]:
    """The JSON of each server-sent event until `[DONE]`. A stream that ends without it broke."""
    async for line in lines(response):
        if not line.startswith("data:"):
            continue
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            return
        yield json.loads(data)
    raise Failure(502, Stage.GENERATE, "incomplete", "vLLM's answer ended in the middle")


async def lines(response: httpx2.Response) -> AsyncIterator[str]:
    """The lines of a stream of events. The client's own lines also end at U+2028 and the like, which JSON may hold."""
    begun = ""
    async for text in response.aiter_text():
        *whole, begun = (begun + text).split("\n")
        for line in whole:
            yield line.removesuffix("\r")
    if begun:
        yield begun


async def refused(response: httpx2.Response) -> None:
    """Raise what vLLM says when it does not answer with 200."""
    if response.status_code == httpx2.codes.OK:
        return
    text = (await response.aread()).decode(errors="replace")
    try:
        text = json.loads(text)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        text = text[:300] or response.reason_phrase
    raise Failure(502, Stage.GENERATE, str(response.status_code), f"vLLM refused with {response.status_code}: {text}")


@contextmanager
def failures(timeout: float, stage: Stage = Stage.GENERATE) -> Any:
    """Turn what a call over HTTP may raise into a Failure with its reason."""
    try:
        yield
    except (TimeoutError, httpx2.ReadTimeout) as e:
        raise Failure(504, stage, "timeout", f"no complete answer within {timeout:g} s") from e
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as e:
        raise Failure(502, stage, "unreachable", f"the server cannot be reached: {e or type(e).__name__}") from e
    except httpx2.HTTPStatusError as e:
        status = e.response.status_code
        raise Failure(502, stage, str(status), f"the server refused with {status}: {e.response.text[:300]}") from e
    except httpx2.HTTPError as e:
        raise Failure(502, stage, "broken", f"the connection broke: {e or type(e).__name__}") from e
    except (ValueError, KeyError, IndexError) as e:
        raise Failure(502, stage, "malformed", "the answer is not what an OpenAI-compatible server sends") from e
