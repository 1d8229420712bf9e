"""A server that says what a Qwen3-VL says leads the agent through its tools to the answer."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gemvg.agent import GroundingAgent
from tests.fake_server import Reply, chat, chunks, serving

RECORD = json.loads((Path(__file__).parent / "recorded" / "qwen3_vl_four_zooms.json").read_text())
SIZE = (RECORD["picture"]["width"], RECORD["picture"]["height"])


def photograph():
    """Every pixel tells where it is, so a crop shows which part it is of."""
    width, height = SIZE
    red = np.broadcast_to(np.linspace(0, 255, width), (height, width))
    green = np.broadcast_to(np.linspace(0, 255, height)[:, None], (height, width))
    return np.stack([red, green, np.full_like(red, 128)], axis=-1).astype(np.uint8)


def last_picture(body):
    parts = [p for m in body["messages"] if isinstance(m["content"], list) for p in m["content"]]
    url = [p["image_url"]["url"] for p in parts if p["type"] == "image_url"][-1]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1]))), float)


def window_of(crop):
    """The part of the photograph that a crop shows, from its corners' colours."""
    x = [crop[:, 0, 0].mean(), crop[:, -1, 0].mean()]
    y = [crop[0, :, 1].mean(), crop[-1, :, 1].mean()]
    return [x[0] / 255 * SIZE[0], y[0] / 255 * SIZE[1], x[1] / 255 * SIZE[0], y[1] / 255 * SIZE[1]]


@pytest.mark.parametrize("stream", [False, True])
def test_the_conversation_is_played_to_its_end(stream):
    turns = RECORD["turns"]

    def handler(body, number):
        text = turns[number]["text"]
        halves = (text[: len(text) // 2], text[len(text) // 2 :])
        return Reply(chunks(*halves) if stream else chat(text, model=RECORD["model"]))

    with serving(handler, id=RECORD["model"], max_model_len=65536) as server:
        agent = GroundingAgent(server.url, tools=["zoom"], mode="think")
        if stream:
            events = list(agent.stream(RECORD["query"], [photograph()], text=True))
            answer = events[-1].answer
        else:
            answer = agent.ask(RECORD["query"], [photograph()])
    assert answer.status == "ok"
    assert answer.answer[0].box == pytest.approx(RECORD["box"])
    assert answer.answer[0].label == "brass key"
    assert answer.mode.used == "think"
    assert [step.tool for step in answer.steps] == ["zoom"] * 4
    assert all(step.ok for step in answer.steps)
    assert answer.reasoning.count("\n\n") >= 4
    assert len(server.bodies) == 5
    # Each crop that was asked for is what came back, named by its index.
    for turn, body in zip(turns, server.bodies[1:], strict=False):
        # One of 256 colours is 6 pixels of the photograph.
        assert window_of(last_picture(body)) == pytest.approx(turn["window"], abs=8)
        shown = body["messages"][-1]["content"]
        number = len([m for m in body["messages"] if m["role"] == "assistant"]) + 1
        assert any(f"Picture {number}" in p.get("text", "") for p in shown)
