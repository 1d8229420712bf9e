"""OpenTelemetry spans: their tree, what they hold, and what they never hold."""

import asyncio
import json

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gemvg.agent import tracing
from gemvg.tools.errors import BackendError, UsageError
from tests.agent.scripts import PICTURES, agent, answer, item, zoom

QUERY = "a very secret question"


@pytest.fixture
def spans(monkeypatch):
    """The spans that were written, in order of their ends."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", lambda name, *rest: provider.get_tracer(name))
    return exporter.get_finished_spans


def test_a_question_is_a_tree_of_spans(spans):
    plain = agent(zoom(), answer(item(label="secret label")))
    watched = tracing.traced(plain)
    told = watched.ask(QUERY, PICTURES)
    assert told.status == "ok" and told.model_dump(exclude={"seconds", "usage", "steps"}) == (
        plain.ask(QUERY, PICTURES).model_dump(exclude={"seconds", "usage", "steps"})
    )
    written = spans()
    assert [span.name for span in written] == [
        "chat scripted",
        "execute_tool zoom",
        "chat scripted",
        "invoke_agent gemvg",
    ]
    root = written[-1]
    assert all(span.parent.span_id == root.context.span_id for span in written[:-1])
    assert root.attributes["gemvg.image_sizes"] == ("64x48", "64x48")
    assert root.attributes["gen_ai.operation.name"] == "invoke_agent"
    assert root.attributes["gemvg.boxes"] == 1
    everything = "".join(span.to_json() for span in written)
    assert "secret" not in everything and len(everything) < 8000


def test_failures_are_told_by_kind_only(spans):
    def fails(request):
        raise BackendError("secret words")

    assert tracing.traced(agent(fails)).ask(QUERY, PICTURES).status == "failed"
    with pytest.raises(UsageError):
        asyncio.run(tracing.traced(agent(answer())).aask(" ", PICTURES))
    written = [json.loads(span.to_json()) for span in spans()]
    kinds = [span["attributes"].get("error.type") for span in written]
    assert kinds == ["backend", "backend", "usage"]
    assert all(span["status"]["status_code"] == "ERROR" for span in written)
    assert "secret" not in json.dumps(written)


def test_without_it_nothing_is_written(spans, monkeypatch):
    monkeypatch.delenv(tracing.VARIABLE, raising=False)
    agent(answer(item())).ask(QUERY, PICTURES)
    assert spans() == () and not tracing.wanted()
    monkeypatch.setenv(tracing.VARIABLE, "1")
    assert tracing.wanted()
