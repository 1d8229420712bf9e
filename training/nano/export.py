"""A trained model as an ordinary folder: config, bf16 weights, processor, card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment

from ...policy.dialects.nano import NanoDialect
from ...policy.dialects.registry import CONFIG_KEY
from ...tools.transformers_bars import without_bars
from .finetune import Finetuned
from .model import parameter_count
from .studio import Studio
from .tokenizer import make_processor

_CARD = """\
---
library_name: transformers
pipeline_tag: image-text-to-text
license: apache-2.0
tags: [visual-grounding, multi-image]
---
# {{ recipe.name }}

A policy of {{ "%.1f" | format(millions) }} M parameters for multi-image visual grounding, trained
from nothing on scenes that were composed while it was trained. An ordinary Qwen3-VL folder.

| | |
|---|---|
| architecture | Qwen3VLForConditionalGeneration |
| pictures | {{ size.side }} x {{ size.side }} px as {{ size.cells }} x {{ size.cells }} tokens |
| words | {{ words }} tokens in all; other words are `<unk>` |
| names of objects | {{ names }} ({{ recipe.objects }}) |
| dialect | {{ dialect.name }}; coordinates {{ dialect.coordinates }} in steps of 8 |
| seed | {{ recipe.seed }} |

## Training

| leg | trains | pages | minutes |
|---|---|---|---|
{% for leg in legs -%}
| {{ leg.leg }} | {{ leg.trains }} | {{ leg.pages }} | {{ "%.1f" | format(leg.seconds / 60) }} |
{% endfor %}
{%- if finetuned %}
Then hybrid reinforcement finetuning (recipe {{ finetuned.recipe }}, {{ runs }}):
{{ finetuned.steps }} steps of {{ finetuned.rollouts }} rollouts; mean reward
{{ "%.2f" | format(finetuned.before) }} in the first steps,
{{ "%.2f" | format(finetuned.after) }} in the last.
{% endif %}
## Held-out scenes{{ ", before finetuning" if finetuned }}

New layouts of the same object pictures; it says nothing about other objects or photographs.
{% for row in held_out %}
- after {{ row.leg }}: Acc@.5 {{ row.accuracy }} (chance {{ row.chance }}),
  "nothing there" right {{ row.absent }}, unreadable {{ row.unreadable }},
  {{ row.questions | int }} questions
{%- endfor %}

## Use

    gemvg-agent ask "find the dog" a.png b.png --policy FOLDER

With transformers pass everything that the processor returns, `mm_token_type_ids` included.
"""


def export(
    studio: Studio,
    folder: Path,
    log: Sequence[dict[str, Any]] = (),
    finetuned: Finetuned | None = None,
) -> Path:
    """Write the folder, complete or not at all; the training heads are left behind.

    Args:
        studio: with the weights.
        folder: replaced where it exists.
        log: the run's log lines, for the card.
        finetuned: what was done after them, for the card.
    """
    import copy

    import torch

    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    model = copy.deepcopy(studio.model).to("cpu", torch.bfloat16)
    with without_bars():
        model.save_pretrained(fresh)
    make_processor(studio.size, studio.tokenizer).save_pretrained(fresh)
    config = fresh / "config.json"
    content: dict[str, Any] = json.loads(config.read_text(encoding="utf-8"))
    content[CONFIG_KEY] = NanoDialect().name
    config.write_text(json.dumps(content, indent=2), encoding="utf-8")
    (fresh / "README.md").write_text(card(studio, log, finetuned), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    return folder


def card(studio: Studio, log: Sequence[dict[str, Any]], finetuned: Finetuned | None = None) -> str:
    """The model card, numbers from the log."""
    trains = {leg.name: leg.trains for leg in studio.recipe.legs}
    last = {line["leg"]: line for line in log if "pages" in line}
    # The card is a text file, not a page: nothing in it needs escaping for HTML.
    made = Environment(autoescape=False, keep_trailing_newline=True).from_string(_CARD)  # noqa: S701
    seeds = () if finetuned is None else finetuned.seeds
    runs = f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
    return made.render(
        runs=f"{runs}, the mean of their weights" if len(seeds) > 1 else runs,
        recipe=studio.recipe,
        size=studio.size,
        dialect=NanoDialect(),
        millions=parameter_count(studio.model) / 1e6,
        words=len(studio.tokenizer),
        names=len(studio.composer.names),
        legs=[{**line, "trains": trains.get(name, "")} for name, line in last.items()],
        finetuned=finetuned,
        held_out=[line for line in log if "accuracy" in line],
    )
