"""The shipped nano (or another folder) on held-out composed scenes, by task of the data engine.

    python benchmarks/nano_scenes.py [--folder FOLDER] [--per-task 100] [--mode direct]

New layouts of the object pictures that it was trained on; Acc@.5 and "nothing there" for one named
thing of one to four, then F1 at IoU .5 in the right picture for every task, two or three pictures.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import cast

from gemvg.policy.modes import Mode
from gemvg.policy.presets import get_preset
from gemvg.training.nano.evaluate import evaluate, evaluate_tasks
from gemvg.training.nano.recipe import NanoRecipe, read_nano_recipe
from gemvg.training.nano.studio import WORDS, Studio, open_studio
from gemvg.training.nano.tokenizer import SPACE


def studio_of(folder: Path, recipe: NanoRecipe) -> Studio:
    """A studio with a folder's words and weights; its training heads are fresh."""
    import torch
    from safetensors.torch import load_file

    words = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    ordered = sorted(words, key=lambda token: words[token])
    with tempfile.TemporaryDirectory() as work:
        own = [t.removeprefix(SPACE) for t in ordered if t.startswith(SPACE) and t != SPACE]
        (Path(work) / WORDS).write_text("\n".join(own), encoding="utf-8")
        studio = open_studio(recipe.model_copy(update={"output": work, "episodes": None}))
    stored = load_file(folder / "model.safetensors")
    with torch.no_grad():
        for name, parameter in studio.model.named_parameters():
            parameter.copy_(stored[name])
    return studio


def main() -> None:
    """Load, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", default=str(get_preset("nano").folder))
    parser.add_argument("--recipe", default="nano-4m")
    parser.add_argument("--questions", type=int, default=400)
    parser.add_argument("--per-task", type=int, default=100)
    parser.add_argument("--mode", default="direct", choices=["direct", "think", "auto"])
    chosen = parser.parse_args()
    studio = studio_of(Path(chosen.folder), read_nano_recipe(chosen.recipe))
    found = evaluate(studio, chosen.questions)
    print(f"one named thing: Acc@.5 {found.accuracy:.3f} (chance {found.chance:.3f}), ", end="")
    print(f"nothing there {found.absent:.3f}, {chosen.questions} questions")
    longest = 48 if chosen.mode == "direct" else 240
    tasks = evaluate_tasks(studio, chosen.per_task, cast("Mode", chosen.mode), longest)
    for task, score in tasks.items():
        print(f"{task:<18}{score:>7.3f}")
    print(f"{'macro':<18}{sum(tasks.values()) / len(tasks):>7.3f}")


if __name__ == "__main__":
    main()
