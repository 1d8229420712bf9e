"""What a model's folder says of itself: a card (base, data, modes, numbers), and its dialect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment

from ..policy.dialect import Dialect
from ..policy.dialects.registry import CONFIG_KEY
from .loading import training_dialect
from .recipe import Recipe

_CARD = """\
---
base_model: {{ recipe.model.base }}
library_name: transformers
pipeline_tag: image-text-to-text
tags: [visual-grounding, multi-image, {{ recipe.stage }}]
---
# {{ recipe.name }}, step {{ step }}

Multi-image visual grounding: pictures and a question in, boxes in the right pictures out.

| | |
|---|---|
| base | {{ recipe.model.base }} |
| stage | {{ stage }} |
| data | {{ recipe.data.train | join(", ") }} |
| modes | {{ modes }} |
| dialect | {{ dialect.name }} |
| coordinates | {{ dialect.coordinates }}, of each picture's own width and height |
| largest picture | {{ recipe.model.max_pixels }} pixels after the processor's resize |
| seed | {{ recipe.run.seed }} |

## Numbers at this step

Mean over the last {{ window }} logged steps of training (not a benchmark).
{% for name, value in numbers.items() %}
- {{ name }}: {{ "%.4f" | format(value) }}
{%- endfor %}

Print benchmark numbers with

    gemvg-agent eval photos --policy FOLDER --dialect {{ dialect.name }}

## Use

    gemvg-agent ask "Which picture has a dog?" a.jpg b.jpg --policy FOLDER

Intended for finding objects that a question describes. It can be wrong, and a score of null means
that it has no opinion on how wrong.
"""

SHOWN = ("reward", "modes/think/quality", "modes/direct/quality", "modes/auto/quality",
         "modes/auto/think_share", "completions/mean_length", "entropy", "loss")  # fmt: skip


def recent_numbers(history: list[dict[str, Any]], window: int = 20) -> dict[str, float]:
    """Means over the last logged steps of the values that a reader asks for first."""
    numbers: dict[str, float] = {}
    for name in SHOWN:
        values = [float(row[name]) for row in history if row.get(name) is not None][-window:]
        if values:
            numbers[name] = sum(values) / len(values)
    return numbers


def card(recipe: Recipe, dialect: Dialect, step: int, numbers: Mapping[str, float]) -> str:
    """The card's text."""
    if recipe.rft is not None:
        layout = recipe.rft.shares.layout(recipe.rft.group)
        counts = {mode: layout.count(mode) for mode in ("think", "direct", "auto")}
        modes = ", ".join(f"{count} {mode}" for mode, count in counts.items())
        modes = f"{modes} of each group of {recipe.rft.group}; reward {recipe.rft.preset}"
        stage = "S3: hybrid rule-rewarded reinforcement finetuning"
    else:
        part = recipe.sft
        assert part is not None
        stage = f"{part.stage.upper()}: supervised"
        modes = "direct" if part.stage == "s1" else f"think {part.think_share}, else direct"
    # Markdown, not HTML: nothing is escaped, and every value comes from the recipe's own types.
    made = Environment(autoescape=False).from_string(_CARD)  # noqa: S701
    return made.render(
        recipe=recipe, dialect=dialect, step=step, numbers=numbers, modes=modes, stage=stage,
        window=20,
    )  # fmt: skip


def describe(folder: Path, recipe: Recipe, state: Any) -> None:
    """Write a model's card, and its dialect into its config.

    Nobody has to know the dialect to serve the folder, be it what a run ended with, the end of a
    cycle or a checkpoint: the card says `ask --policy FOLDER`.

    Args:
        folder: of a model that was just saved.
        recipe: of the run.
        state: of the run's trainer; its steps and its log.

    Raises:
        OSError: the disk is full.
    """
    dialect = training_dialect(recipe.model)
    numbers = recent_numbers(state.log_history)
    text = card(recipe, dialect, int(state.global_step), numbers)
    (folder / "README.md").write_text(text, encoding="utf-8")
    config = folder / "config.json"
    if config.is_file():
        content = json.loads(config.read_text(encoding="utf-8"))
        content[CONFIG_KEY] = dialect.name
        config.write_text(json.dumps(content, indent=2), encoding="utf-8")
