"""GeM-VG: format + image index + recall + precision, with the bar rising from IoU .5 to .75."""

from __future__ import annotations

from ..format import format_reward, in_mode
from ..image_index import image_index
from ..length import length
from ..precision import precision
from ..preset import Preset
from ..recall import recall
from ..tool_use import tool_use

GEMVG = Preset(
    name="gemvg",
    source=(
        "GeM-VG (arXiv 2601.04777): a rule-based reward over several dimensions that begins with "
        "format. The paper's formula was not available; this is a reconstruction from Vision-R1 "
        "(2503.18013) and MG-Thinker with every known defect of theirs mended."
    ),
    terms={
        "format": format_reward,
        "image_index": in_mode(image_index),
        "recall": in_mode(recall),
        "precision": in_mode(precision),
        "length": in_mode(length),
        "tool_use": in_mode(tool_use),
    },
    # Length and tool use only break ties between answers of the same quality.
    weights={"length": 0.1, "tool_use": 0.2},
)
