"""Prometheus metrics. Labels that come from outside are bounded."""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from chat_tui.engine.answers.answer import Answer

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Variable that names the folder in which several workers share their counters."""
MODELS = 100
"""Number of models with a label of their own; further models are `other`."""
OTHER = "other"
NO_ROUTE = "none"
"""Label of requests that match no route or were refused before."""
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_METHODS = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}


class Metrics:
    """The counters of one app; with `SHARED_FOLDER`, those of all workers."""

    def __init__(self) -> None:
        if folder := os.environ.get(SHARED_FOLDER):
            os.makedirs(folder, 0o700, exist_ok=True)
        self._registry = registry = CollectorRegistry()
        self._models: set[str] = set()
        self._requests = Counter(
            "chat_tui_requests", "Requests answered.", ("route", "method", "status"), registry=registry
        )
        self._running = Gauge(
            "chat_tui_answers_running", "Answers running.", registry=registry, multiprocess_mode="livesum"
        )
        self._answers = Counter("chat_tui_answers", "Answers finished.", ("model", "state"), registry=registry)
        self._tokens = Counter("chat_tui_tokens", "Tokens, by model and kind.", ("model", "kind"), registry=registry)
        self._dollars = Counter(
            "chat_tui_cost_dollars", "Cost in US dollars, where known.", ("model",), registry=registry
        )
        self._errors = Counter("chat_tui_errors", "Answers that failed or were cut off.", ("kind",), registry=registry)
        self._gone = Counter("chat_tui_clients_gone", "Clients that disconnected early.", registry=registry)
        self._first = Histogram(
            "chat_tui_first_token_seconds",
            "Time from the question to the first token.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._duration = Histogram(
            "chat_tui_answer_seconds", "Time from the question to the end.", buckets=_SECONDS, registry=registry
        )

    def count_request(self, route: str | None, method: str, status: int) -> None:
        """Count a request; `route` is the pattern of the route, or None."""
        method = method if method in _METHODS else OTHER
        self._requests.labels(route or NO_ROUTE, method, str(status)).inc()

    def count_disconnect(self) -> None:
        """Count a client that disconnected before the end of its answer."""
        self._gone.inc()

    async def watch(self, answer: Answer) -> None:
        """Count an answer when it has ended and is saved."""
        self._running.inc()
        try:
            await answer.saved.wait()
        finally:
            self._running.dec()
        turn = answer.turn
        model = self.label_of(turn.model)
        self._answers.labels(model, turn.state).inc()
        if turn.error is not None:
            self._errors.labels(turn.error.kind).inc()
        if turn.cost:
            self._dollars.labels(model).inc(turn.cost)
        if (usage := turn.usage) is not None:
            counts = {
                "prompt": usage.prompt_tokens,
                "completion": usage.completion_tokens,
                "thinking": usage.thinking_tokens,
                "cached": usage.cached_tokens,
            }
            for kind, count in counts.items():
                self._tokens.labels(model, kind).inc(count or 0)
        if (timings := turn.timings) is not None:
            self._duration.observe(timings.duration_seconds)
            if timings.ttft_seconds is not None:
                self._first.observe(timings.ttft_seconds)

    def count_embeddings(self, name: str, tokens: int, cost: float | None) -> None:
        """Count a request for embeddings that was answered."""
        model = self.label_of(name)
        self._tokens.labels(model, "prompt").inc(tokens)
        if cost:
            self._dollars.labels(model).inc(cost)

    def label_of(self, name: str) -> str:
        """Return the label of a model."""
        if name in self._models or len(self._models) < MODELS:
            self._models.add(name)
            return name or NO_ROUTE
        return OTHER

    def text(self, accept: str) -> tuple[bytes, str]:
        """Return all counters in the format that the Accept header asks for, and the content type. Reads files if
        workers share their counters."""
        registry = self._registry
        if os.environ.get(SHARED_FOLDER):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        encoder, content_type = choose_encoder(accept)
        return encoder(registry), content_type

    def close(self) -> None:
        """Reset the gauges of this worker."""
        if os.environ.get(SHARED_FOLDER):
            mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]
