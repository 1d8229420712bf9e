"""Every command that asks questions takes the same options of a question."""

import inspect
from pathlib import Path

import pytest

from gemvg.agent.cli import ask, batch, mcp, serve
from gemvg.agent.serve.options import ServeOptions
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


@pytest.mark.parametrize(
    ("argument", "variable", "most"),
    [(None, None, 16), (32, None, 32), (None, "32", 32), (4, "32", 4), (None, "4", 4)],
)
def test_a_server_takes_as_many_pictures_as_any_place_says(argument, variable, most):
    environ = {} if variable is None else {"GEMVG_MAX_IMAGES": variable}
    settings = AskSettings.load({"max_images": argument}, environ=environ, files=(Path("none"),))
    given = {"host": "localhost", "max_request_mb": 48.0, "parallel": 2, "waiting": 64}
    assert serve.serve_limits(given, settings, None).max_pictures == most


@pytest.mark.parametrize("size", ["inf", "nan", "1e300", "0"])
def test_a_request_has_a_size_that_can_be(gemvg, size):
    outcome = gemvg("serve", "--max-request-mb", size)
    assert outcome.code == 2 and "--max-request-mb" in outcome.err


def test_help_says_how_many_pictures_a_server_takes(gemvg):
    usual = ServeOptions().max_pictures
    for command in ("ask", "serve"):
        words = " ".join(gemvg(command, "--help").out.split())
        assert f"[{AskSettings().max_images}; of serve: {usual}]" in words
