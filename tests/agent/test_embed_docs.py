"""docs/embedding.md and the skill: every example is run, every command and option exists."""

import io
import re
import shlex
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image

from gemvg.agent.cli.main import COMMANDS, make_app
from tests.agent.scripts import agent, answer, item
from tests.agent.serving import serving

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
SKILL = (ROOT / "skills" / "gemvg-agent" / "SKILL.md").read_text(encoding="utf-8")


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def command_lines(text):
    return [line for block in blocks(text, "bash") for line in block.splitlines() if line.strip()]


@cache
def pictures():
    """A place before and after something red came into it, as PNG."""
    coarse = np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8)
    before = Image.fromarray(coarse).resize((640, 480))
    after = before.copy()
    after.paste((250, 20, 20), (200, 150, 320, 260))
    buffers = io.BytesIO(), io.BytesIO()
    for picture, buffer in zip((before, after), buffers, strict=True):
        picture.save(buffer, "PNG", compress_level=1)
    return tuple(buffer.getvalue() for buffer in buffers)


@pytest.fixture
def place(folder):
    """Two pictures of one place, under all the names that the texts use."""
    for name, content in zip(("before", "after", "one", "two"), pictures() * 2, strict=True):
        (folder / f"{name}.png").write_bytes(content)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("source", blocks(DOCS, "python"))
def test_an_example_runs(place, source, capsys):
    names = {"__name__": "example"}
    exec(compile(source, "embedding.md", "exec"), names)
    said = capsys.readouterr().out
    if "for found in answer.answer" in source:
        image, *_ = said.split()
        assert image in "12" and answer is not None
    if "def ask(" in source:
        with serving(agent(answer(item()))) as server:
            assert names["ask"](server.url, "it", "before.png", "after.png").status == "ok"


@pytest.mark.parametrize("line", command_lines(DOCS) + command_lines(SKILL))
def test_a_command_and_its_options_exist(line):
    program, name, *rest = shlex.split(line)
    assert program == "gemvg-agent" and name in COMMANDS
    command = typer.main.get_command(make_app(name)).commands[name]
    known = {option for parameter in command.params for option in parameter.opts}
    known |= {option for parameter in command.params for option in parameter.secondary_opts}
    assert {word for word in rest if word.startswith("-")} <= known


@pytest.mark.parametrize("line", [c for c in command_lines(SKILL) if " ask " in c])
def test_a_question_of_the_skill_can_be_asked(place, gemvg, line):
    outcome = gemvg(*shlex.split(line)[1:])
    assert outcome.code == 0 and '"status":"ok"' in outcome.out


def test_the_skill_says_what_it_is():
    head = SKILL.split("---")[1]
    assert re.search(r"^name: gemvg-agent$", head, re.MULTILINE)
    described = re.search(r"^description: (.+)$", head, re.MULTILINE).group(1)
    assert 50 < len(described) < 1024
