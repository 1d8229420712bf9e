"""Readers of model-written text, one per syntax: total, and linear in the text's length."""

from .answer import parse_json_first, parse_points_first
from .first_box import FirstBox, each_first_box, first_box, first_boxes
from .json_boxes import parse_json_boxes
from .lists import parse_lists
from .pictures import asked_picture
from .points import parse_points
from .raw import Parsed, Quad, RawBox
from .tags import Parts, split_parts
from .tool_text import RawCall, parse_tool_calls

__all__ = [
    "FirstBox",
    "Parsed",
    "Parts",
    "Quad",
    "RawBox",
    "RawCall",
    "asked_picture",
    "each_first_box",
    "first_box",
    "first_boxes",
    "parse_json_boxes",
    "parse_json_first",
    "parse_lists",
    "parse_points",
    "parse_points_first",
    "parse_tool_calls",
    "split_parts",
]
