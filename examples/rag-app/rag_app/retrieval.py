"""The index: which chunks of the corpus are nearest to a question."""

from collections.abc import Sequence
from dataclasses import dataclass

import faiss

from rag_app.corpus import Chunk
from rag_app.embedding import Embedder, Vectors


@dataclass(frozen=True)
class Hit:
    """A chunk with the cosine between it and the question, -1 to 1."""

    chunk: Chunk
    similarity: float


class Index:
    """All chunks as vectors in FAISS. The search is exact: approximate ones pay from some 100,000 vectors on."""

    def __init__(self, chunks: Sequence[Chunk], embedder: Embedder) -> None:
        self.chunks = list(chunks)
        self.documents = len({c.path for c in chunks})
        vectors = embedder.embed([c.searchable for c in chunks])
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(vectors)

    def search(self, question: Vectors, top_k: int, min_similarity: float) -> list[Hit]:
        """The nearest chunks, nearest first; those too far away are not found."""
        similarities, places = self._index.search(question, min(top_k, len(self.chunks)))
        hits = [Hit(self.chunks[p], float(s)) for s, p in zip(similarities[0], places[0], strict=True)]
        return [h for h in hits if h.similarity >= min_similarity]
