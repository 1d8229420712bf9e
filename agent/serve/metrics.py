"""What the server counts, for Prometheus; one registry an app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from .admission import Admission

if TYPE_CHECKING:
    from ..answer import Answer

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FAST = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.015,
    0.02,
    0.025,
    0.03,
    0.035,
    0.04,
    0.045,
    0.05,
    0.06,
    0.075,
    0.1,
    0.25,
    0.5,
    1.0,
    5.0,
)
_SLOW = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Metrics:
    """Counters and histograms; no label ever holds a caller's words."""

    def __init__(self, admission: Admission) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "gemvg_requests", "Replies by route and status.", ["route", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "gemvg_request_seconds", "From the first byte of a question to the last of its reply.",
            buckets=_SLOW, registry=self.registry,
        )  # fmt: skip
        self.own = Histogram(
            "gemvg_own_seconds",
            "The server's own time of a question: all but upload, waiting for a turn, and policy.",
            buckets=_FAST, registry=self.registry,
        )  # fmt: skip
        self.waited = Histogram(
            "gemvg_wait_seconds", "Waiting for a turn.", buckets=_SLOW, registry=self.registry
        )
        self.upload = Histogram(
            "gemvg_upload_seconds", "Until a question's whole body had arrived.",
            buckets=_SLOW, registry=self.registry,
        )  # fmt: skip
        self.policy = Histogram(
            "gemvg_policy_seconds", "The policy's time of a question.",
            buckets=_SLOW, registry=self.registry,
        )  # fmt: skip
        self.tool_seconds = Histogram(
            "gemvg_tool_seconds", "The tools' time of a question; part of the server's own.",
            buckets=_SLOW, registry=self.registry,
        )  # fmt: skip
        self.answers = Counter(
            "gemvg_answers", "Answers by status and mode.", ["status", "mode"],
            registry=self.registry,
        )  # fmt: skip
        self.tools = Counter(
            "gemvg_tool_calls", "Tool calls by tool and success.", ["tool", "ok"],
            registry=self.registry,
        )  # fmt: skip
        self.boxes = Counter("gemvg_boxes", "Boxes in answers.", registry=self.registry)
        for name, words, read in (
            ("gemvg_running", "Questions being answered.", lambda: admission.running),
            ("gemvg_waiting", "Questions waiting.", lambda: admission.waiting),
            ("gemvg_taken", "Questions let in since the start.", lambda: admission.taken),
            ("gemvg_done", "Of those, ended in whatever way.", lambda: admission.done),
            ("gemvg_held_bytes", "Bytes of requests held.", lambda: admission.bytes_held),
        ):
            Gauge(name, words, registry=self.registry).set_function(read)

    def count_answer(self, answer: Answer, tools: frozenset[str]) -> None:
        """One answer; a name that is no tool's (a model wrote it) is counted as `other`."""
        self.answers.labels(answer.status, answer.mode.used).inc()
        self.boxes.inc(len(answer.answer))
        for step in answer.steps:
            name = step.tool if step.tool in tools else "other"
            self.tools.labels(name, str(step.ok).lower()).inc()

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self.registry)
