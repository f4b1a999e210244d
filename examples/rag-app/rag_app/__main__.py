"""`python -m rag_app` serves the application as its environment says."""

import os

import uvicorn

from rag_app.app import create
from rag_app.metrics import Metrics
from rag_app.settings import Settings
from rag_app.telemetry import logs, tracing


def main() -> None:
    settings = Settings()
    logs(settings.log_level)
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")  # http.request.method, not http.method
    app = create(settings, tracing(), Metrics())
    uvicorn.run(
        app, host=settings.host, port=settings.port, limit_concurrency=settings.max_connections, log_config=None
    )


if __name__ == "__main__":
    main()
