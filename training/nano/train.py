"""A whole nano run: its legs in their order, from where it was broken off, finetuning, export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...tools.errors import OutputError, UsageError
from ..run_folder import read_log
from .evaluate import evaluate
from .export import export
from .finetune import all_finetuned, finetune, run_folders, take
from .leg import WEIGHTS, LegRun, Watch
from .recipe import Leg, NanoRecipe
from .studio import WORDS, Studio, open_studio
from .words import packaged_words

SFT, RFT = "sft", "rft"
"""Folders of a run: the model that finetuning starts from, and the finetuning."""

SAME = ("size", "seed", "objects", "names")
"""What of a recipe must not change between the runs that go on with one output folder."""


def train_nano(recipe: NanoRecipe, watch: Watch, only: str | None = None) -> Path | None:
    """Train; returns the exported folder, or None where a signal or `only` stopped it before.

    A leg is done when its `weights.safetensors` is there. Going on is exact for legs that are
    counted in steps.

    Args:
        recipe: what to train.
        watch: is told of every line of the log.
        only: stop after the leg of this name.

    Raises:
        UsageError: no such leg, or the output folder belongs to another recipe.
        OutputError, TrainingError, DataError, MissingDependency: one line, with the cure.
    """
    if only is not None and only not in {leg.name for leg in recipe.legs}:
        raise UsageError(f"{recipe.name} has no leg {only[:40]!r}.",
                         f"Its legs are {', '.join(leg.name for leg in recipe.legs)}.")  # fmt: skip
    output = Path(recipe.output)
    _claim(recipe, output)
    studio = open_studio(recipe)
    log = output / "log.jsonl"
    before = ""
    for leg in recipe.legs:
        folder = output / leg.name
        if (folder / WEIGHTS).is_file():
            studio.load(folder / WEIGHTS)
        else:
            if before == "vision" and leg.trains != "vision":
                studio.word_names()
            if not LegRun(studio, leg, folder, log, watch).run():
                return None
            _hold_out(studio, leg, log, watch)
        before = leg.trains
        if leg.name == only and leg is not recipe.legs[-1]:
            return None
    if recipe.finetune is None:
        return export(studio, output / "model", read_log(log))
    base = export(studio, output / SFT, read_log(log))
    made = finetune(recipe.finetune, base, output / RFT)
    if made is None:
        return None
    take(studio, made)
    done = all_finetuned(run_folders(recipe.finetune, output / RFT))
    return export(studio, output / "model", read_log(log), done)


def _claim(recipe: NanoRecipe, output: Path) -> None:
    """Make the output folder this recipe's own."""
    file = output / "recipe.json"
    try:
        output.mkdir(parents=True, exist_ok=True)
        if file.is_file():
            before: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            now = recipe.model_dump(mode="json")
            changed = [name for name in SAME if before.get(name) != now[name]]
            if changed:
                raise UsageError(
                    f"{output} holds a run with another {', '.join(changed)}.",
                    "Choose another output folder.",
                )
        words = output / WORDS
        if not words.is_file():
            words.write_text("\n".join(packaged_words()) + "\n", encoding="utf-8")
        file.write_text(recipe.model_dump_json(indent=1), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{output}: can't be written.", "Choose another output.") from error


def _hold_out(studio: Studio, leg: Leg, log: Path, watch: Watch) -> None:
    """Evaluate after a leg and log it."""
    if studio.recipe.evaluate == 0:
        return
    speaks = leg.trains != "vision"
    found = evaluate(studio, studio.recipe.evaluate, answers=speaks).as_record()
    line: dict[str, Any] = {"leg": leg.name, **found}
    if not speaks:
        line = {name: line[name] for name in ("leg", "questions", "cells", "cell_iou")}
    with log.open("a", encoding="utf-8") as out:
        out.write(json.dumps(line) + "\n")
    watch(line)
