"""Every command that asks questions takes the same options of a question."""

import inspect

import pytest

from gemvg.agent.cli import ask, batch, mcp, serve
from gemvg.agent.settings import AskSettings

OPTIONS = set(AskSettings.model_fields) & set(inspect.signature(ask.ask).parameters)


@pytest.mark.parametrize(
    ("command", "lacks"),
    # MCP clients name pictures by path or as data: it fetches nothing.
    [(batch.batch, set()), (serve.serve, set()), (mcp.mcp, {"allow_urls"})],
)
def test_what_ask_can_be_told_others_can_be_told(command, lacks):
    taken = inspect.signature(command, eval_str=True).parameters
    asked = inspect.signature(ask.ask, eval_str=True).parameters
    assert set(taken) & OPTIONS == OPTIONS - lacks and {"scores", "samples"} <= OPTIONS
    for name in OPTIONS - lacks:
        assert taken[name].annotation == asked[name].annotation, name
