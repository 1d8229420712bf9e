"""When to think: the tag that nano writes, against rules by how certain its answers are.

    python benchmarks/nano_choice.py data/nano-test [--model FOLDER] [--limit N]

Asks every question of a data set both ways and in auto, greedily, and prints macro F1 and tokens:
of the ways alone, of auto, of auto with another bar for the tag, of the surer answer of both, and
of cascades that answer directly and think where that answer is among the least certain.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from gemvg.policy.presets import get_preset
from gemvg.training.chat import MODES
from gemvg.training.nano.measure import Written, judge, load, write_answers

THINK, ANSWER = "<think>", "<answer>"
SHARES = (0.1, 0.2, 0.3, 0.5)
"""Of the questions, those with the least certain direct answers, that a cascade thinks about."""

BARS = (-1.0, -0.5, 0.0, 0.5, 1.0)
"""Log odds of the tag above which nano thinks; it was trained for 0."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer: what it is worth, its tokens, and the log probabilities behind `<answer>`."""

    f1: float
    tokens: int
    certainty: dict[str, float]
    odds: float


Asked = dict[str, Answered]
"""A question's answers by mode."""


def ask_all(folder: Path, data: Path, limit: int | None) -> dict[str, list[Asked]]:
    """Every question's answers, by task."""
    model, processor = load(folder)
    tags = [int(processor.tokenizer.convert_tokens_to_ids(tag)) for tag in (THINK, ANSWER)]
    found: dict[str, list[Asked]] = defaultdict(list)
    answers = write_answers(model, processor, data, limit)
    while asked := [*islice(answers, len(MODES))]:
        found[asked[0].row["task"]].append({one.mode: _weighed(model, one, tags) for one in asked})
    return found


def _weighed(model: Any, written: Written, tags: list[int]) -> Answered:
    """An answer with the log probabilities of its tokens, from one pass over all of it."""
    prompt, ids = written.prompt, written.ids
    whole = torch.tensor([[*prompt.ids, *ids]])
    types = torch.tensor([[*(prompt.types or [0] * len(prompt.ids)), *[0] * len(ids)]])
    with torch.inference_mode():
        logits = model(
            input_ids=whole, attention_mask=torch.ones_like(whole), mm_token_type_ids=types,
            pixel_values=prompt.pixels, image_grid_thw=prompt.grids,
        ).logits[0, len(prompt.ids) - 1 : -1]  # fmt: skip
    logs = torch.log_softmax(logits.float(), -1)
    behind = ids.index(tags[1]) + 1 if tags[1] in ids else 0
    own = [float(logs[at, ids[at]]) for at in range(behind, len(ids))] or [-99.0]
    certainty = {"mean": fmean(own), "least": min(own), "whole": sum(own)}
    worth = judge(written.row, written.mode, written.text, len(ids)).f1
    return Answered(worth, len(ids), certainty, float(logs[0, tags[0]] - logs[0, tags[1]]))


Rule = Callable[[Asked], tuple[float, int]]
"""What a rule's answer is worth, and how many tokens were written for it."""


def macro(found: dict[str, list[Asked]], rule: Rule) -> str:
    """`.742 (20 tokens)`."""
    told = [[rule(asked) for asked in of_task] for of_task in found.values()]
    worth = fmean(fmean(one for one, _ in of_task) for of_task in told)
    return f"{worth:.3f} ({fmean(fmean(n for _, n in of_task) for of_task in told):.0f} tokens)"


def one_way(mode: str) -> Rule:
    """The answer of one mode."""
    return lambda asked: (asked[mode].f1, asked[mode].tokens)


def by_tag(bar: float) -> Rule:
    """Think where the tag's log odds in auto are above a bar."""
    return lambda asked: one_way("think" if asked["auto"].odds > bar else "direct")(asked)


def cascade(kind: str, below: float) -> Rule:
    """Answer directly; where that is less certain than a bar, think, and take the surer one."""

    def rule(asked: Asked) -> tuple[float, int]:
        direct, think = asked["direct"], asked["think"]
        if direct.certainty[kind] >= below:
            return direct.f1, direct.tokens
        surer = max((direct, think), key=lambda one: one.certainty[kind])
        return surer.f1, direct.tokens + think.tokens

    return rule


def main() -> None:
    """Ask, weigh, print."""
    parser = argparse.ArgumentParser(description="When to think: the tag, or certainty.")
    parser.add_argument("data", type=Path, help="A data set of composed scenes.")
    parser.add_argument("--model", type=Path, help="A nano folder; the shipped one if not given.")
    parser.add_argument("--limit", type=int, help="Takes the first questions.")
    chosen = parser.parse_args()
    folder = chosen.model or get_preset("nano").folder
    if folder is None:
        parser.error("the shipped weights are not there; name a folder with --model.")
    found = ask_all(folder, chosen.data, chosen.limit)
    for mode in MODES:
        print(f"{mode}: {macro(found, one_way(mode))}")
    for bar in BARS:
        print(f"tag above {bar:+.1f}: {macro(found, by_tag(bar))}")
    every = [asked["direct"] for of_task in found.values() for asked in of_task]
    for kind in every[0].certainty:
        print(f"the surer of both by {kind}: {macro(found, cascade(kind, float('inf')))}")
        ranked = sorted(one.certainty[kind] for one in every)
        for share in SHARES:
            bar = ranked[int(share * len(ranked))]
            print(f"  thinks about the {share:.0%} least sure: {macro(found, cascade(kind, bar))}")


if __name__ == "__main__":
    main()
