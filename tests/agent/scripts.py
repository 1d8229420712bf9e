"""What the tests of the loop share: small pictures, tool calls and answers in our own dialect."""

import json

import numpy as np

from gemvg.agent import GroundingAgent
from gemvg.policy.scripted import ScriptedPolicy
from gemvg.tools.boxes import Box, GroundedBox
from gemvg.tools.tool import Tool, ToolArguments, ToolContext, ToolResult, describe_box


def picture(width=64, height=48, value=0):
    """A plain array picture."""
    return np.full((height, width, 3), value, np.uint8)


PICTURES = [picture(value=10), picture(value=20)]


def call(name, **arguments):
    """A tool call as our dialect writes it."""
    return f"<tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>"


def zoom(view=1, box=(100, 100, 500, 500)):
    return call("zoom", regions=[{"view": view, "box": list(box)}])


def answer(*items):
    return f"<answer>{json.dumps(list(items))}</answer>"


def item(image=1, box=(0, 0, 500, 500), label="cat"):
    return {"image": image, "bbox_2d": list(box), "label": label}


class NoArguments(ToolArguments):
    """Takes nothing."""


class Spot(Tool[NoArguments]):
    """Always finds the same box in picture 1."""

    name = "spot"
    description = "Find the spot."
    arguments = NoArguments

    def run(self, arguments: NoArguments, context: ToolContext) -> ToolResult:
        found = GroundedBox(1, Box(1, 2, 30, 40), "spot", 0.75, "detector")
        name = context.boxes.add(found)
        return ToolResult(True, describe_box(name, found), "spot: 1", boxes=((name, found),))


def agent(*script, tools=("zoom",), **options):
    """An agent that says `script`, line by line; one callable is a function of the request."""
    said = script[0] if len(script) == 1 and callable(script[0]) else list(script)
    return GroundingAgent(ScriptedPolicy(said), tools=list(tools), **options)
