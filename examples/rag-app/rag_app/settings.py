"""Every setting, read from the environment. OpenTelemetry's own are the standard `OTEL_*`."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

# This repository's documentation, seen from examples/rag-app/rag_app.
DOCS = Path(__file__).resolve().parent.parent.parent.parent / "docs"


class Settings(BaseSettings):
    """Names in the environment are these in capitals behind `RAG_`, such as `RAG_VLLM_URL`."""

    model_config = SettingsConfigDict(env_prefix="RAG_", env_ignore_empty=True)

    host: str = Field("127.0.0.1", description="Address to listen on")
    port: int = Field(8080, description="Port to listen on")
    max_connections: int = Field(256, ge=1, description="More than that many at once are refused with 503")

    vllm_url: str = Field("http://127.0.0.1:8000/v1", description="Base URL of vLLM's OpenAI-compatible API")
    model: str = Field("", description="Model to ask; empty takes the first that vLLM serves")
    api_key: SecretStr = Field(SecretStr(""), description="What vLLM was started with as --api-key, if anything")
    max_tokens: int = Field(256, ge=1, description="Longest answer, in tokens")
    temperature: float = Field(0.2, ge=0, le=2, description="Sampling temperature")
    timeout: float = Field(60, gt=0, description="Seconds until an answer must be complete; then 504")
    connect_timeout: float = Field(3, gt=0, description="Seconds for a connection to vLLM; then 502")

    corpus: Path = Field(DOCS, description="Folder of Markdown files to answer from, with those below it")
    top_k: int = Field(4, ge=1, le=20, description="Chunks to retrieve")
    min_similarity: float = Field(0.3, ge=-1, le=1, description="Cosine below which a chunk does not count as found")
    context_chars: int = Field(6000, ge=200, description="Most characters of chunks in a prompt")

    embeddings_url: str = Field("", description="Base URL of an OpenAI-compatible API; empty embeds in this process")
    embeddings_model: str = Field("", description="Model of that API; empty takes the first it serves")
    embedding_threads: int = Field(2, ge=1, description="Threads of the embedding in this process")

    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
