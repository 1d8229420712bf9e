"""The presets, one file each, found by name."""

from __future__ import annotations

from ....tools.errors import UsageError
from ..preset import Preset
from .gemvg import GEMVG
from .mg_thinker import MG_THINKER
from .univg_r1 import UNIVG_R1
from .vision_r1 import VISION_R1
from .visual_rft import VISUAL_RFT
from .vlm_r1 import VLM_R1

PRESETS: dict[str, Preset] = {
    preset.name: preset for preset in (GEMVG, VISION_R1, UNIVG_R1, MG_THINKER, VISUAL_RFT, VLM_R1)
}


def get_preset(name: str) -> Preset:
    """The preset of a name.

    Raises:
        UsageError: there is none; the message lists them.
    """
    if name not in PRESETS:
        raise UsageError(f"no reward preset {name!r}.", f"Known: {', '.join(PRESETS)}.")
    return PRESETS[name]
