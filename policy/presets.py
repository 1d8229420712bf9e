"""Policies by a short name: which model, how it writes, how it is best asked, what it needs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..tools.errors import UsageError
from ..tools.text import clean_text
from .dialects import get_dialect
from .modes import UsedStrategy

_SERVE = "a server with it (--policy http://HOST:PORT/v1)"
_LOCAL = "or the extra [local] and its weights (about {gb} GB in bf16)"


@dataclass(frozen=True, slots=True)
class Preset:
    """One policy that can be named.

    Attributes:
        name: for `--policy`.
        dialect: how it writes.
        model: hub id of its weights; None where it has none or they are not public.
        strategy: how `--strategy auto` asks it.
        needs: what must be there before it runs, in words.
        license: of the weights, as their publisher states it; None where nothing states one.
        note: what to know about it.
        shipped: folder beside this file that holds its weights, or None.
    """

    name: str
    dialect: str
    model: str | None
    strategy: UsedStrategy
    needs: tuple[str, ...]
    license: str | None
    note: str
    shipped: str | None = None

    @property
    def folder(self) -> Path | None:
        """The folder of its weights where they come with the package."""
        return Path(__file__).parent / self.shipped if self.shipped else None

    @property
    def coordinates(self) -> str:
        """Name of the coordinate space that it writes."""
        return get_dialect(self.dialect).coordinates

    @property
    def chooses_mode(self) -> bool:
        """True where the model was trained to choose think or direct by itself."""
        return get_dialect(self.dialect).learned_modes

    def as_record(self) -> dict[str, Any]:
        """As JSON-compatible data."""
        record = asdict(self)
        del record["shipped"]
        return {
            **record,
            "needs": list(self.needs),
            "coordinates": self.coordinates,
            "chooses_mode": self.chooses_mode,
        }


def _served(name: str, model: str | None, gb: float, license: str | None, note: str) -> Preset:
    """A preset of a model that runs on a server or in process; polled where it gives one box."""
    written = get_dialect(name)
    strategy: UsedStrategy = "poll" if written.single_target else "one-shot"
    needs = (_SERVE, _LOCAL.format(gb=gb))
    return Preset(name, name, model, strategy, needs, license, note)


_ALL = (
    Preset(
        "planner",
        "gemvg",
        None,
        "one-shot",
        ("the detector's weights (gemvg-agent weights pull)", "the extra [local]"),
        None,
        "No model: reads the question by rule and calls the tools.",
    ),
    Preset(
        "nano",
        "nano",
        None,
        "one-shot",
        ("the extra [local], for its tools alone",),
        "Apache-2.0",
        "4 M parameters, trained by this project; its weights come with the package.",
        "nano_4m",
    ),
    _served(
        "gem-vg",
        None,
        17,
        None,
        "Weights and prompts are not public: give your own folder or server.",
    ),
    _served(
        "migician",
        "Michael4933/Migician",
        17,
        "Apache-2.0",
        "Boxes are stretched in y by 1.05 and 1.10, as in its own evaluation.",
    ),
    _served(
        "migician-raw",
        "Michael4933/Migician",
        17,
        "Apache-2.0",
        "The same model, its boxes as they are.",
    ),
    _served(
        "univg-r1",
        "GD-ML/UniVG-R1",
        17,
        None,
        "Always thinks, unless it is made to answer at once.",
    ),
    _served(
        "qwen2-vl",
        "Qwen/Qwen2-VL-7B-Instruct",
        17,
        "Apache-2.0",
        "The base of GeM-VG, Migician and UniVG-R1.",
    ),
    _served(
        "qwen2.5-vl",
        "Qwen/Qwen2.5-VL-7B-Instruct",
        17,
        "Apache-2.0",
        "Boxes are pixels of the resized picture: needs the processor's grid.",
    ),
    _served(
        "qwen3-vl",
        "Qwen/Qwen3-VL-8B-Instruct",
        18,
        "Apache-2.0",
        "Trained to zoom by itself.",
    ),
    _served(
        "vlm-r1",
        "omlab/VLM-R1-Qwen2.5VL-3B-OVD-0321",
        7.5,
        "Apache-2.0",
        "Trained on single pictures: asked picture by picture.",
    ),
)
PRESETS: dict[str, Preset] = {preset.name: preset for preset in _ALL}


def get_preset(name: str) -> Preset:
    """The preset of a name.

    Raises:
        UsageError: there is none; the cure lists those that there are.
    """
    preset = PRESETS.get(name.strip().lower())
    if preset is None:
        raise UsageError(
            f"there is no preset {clean_text(name, 60)!r}.",
            f"The presets are {', '.join(PRESETS)}.",
        )
    return preset
