"""Readers of model-written text, one per syntax: total, and linear in the text's length."""

from .json_boxes import parse_json_boxes
from .raw import Parsed, Quad, RawBox
from .tags import Parts, split_parts
from .tool_text import RawCall, parse_tool_calls

__all__ = [
    "Parsed",
    "Parts",
    "Quad",
    "RawBox",
    "RawCall",
    "parse_json_boxes",
    "parse_tool_calls",
    "split_parts",
]
