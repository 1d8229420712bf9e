"""Sheets of rollouts, so that a person can read what the model does."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ...tools.text import clean_text

_HEAD = """<!doctype html><meta charset="utf-8"><title>step {step}</title>
<style>body{{font:14px/1.45 system-ui,sans-serif;margin:2em;max-width:72em}}
table{{border-collapse:collapse;width:100%}}td,th{{border:1px solid #ccc;padding:.4em;
vertical-align:top;text-align:left}}pre{{white-space:pre-wrap;margin:0;max-width:50em}}
tr.new td{{border-top:3px solid #333}}</style><h1>Rollouts of step {step}</h1>
<table><tr><th>question</th><th>asked</th><th>did</th><th>quality</th><th>terms</th>
<th>tokens</th><th>text</th></tr>"""


class SampleSheets(TrainerCallback):
    """Writes the rollouts of every n-th step to `samples/step-N.html`."""

    def __init__(self, trainer: Any, every: int) -> None:
        self._trainer = trainer
        self._every = every

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Write a sheet where one is due."""
        due = state.global_step == 1 or state.global_step % self._every == 0
        if due and state.is_world_process_zero and args.output_dir is not None:
            folder = Path(args.output_dir) / "samples"
            folder.mkdir(exist_ok=True)
            sheet = sample_sheet(self._trainer.scorer, state.global_step)
            (folder / f"step-{state.global_step:06d}.html").write_text(sheet, encoding="utf-8")


def sample_sheet(scorer: Any, step: int, most: int = 64) -> str:
    """One HTML page; all model text is escaped and stripped of control characters."""
    rows = [_HEAD.format(step=step)]
    before = None
    for index, rollout in enumerate(scorer.rollouts[:most]):
        question = scorer.questions[index]
        terms = " ".join(f"{n} {v[index]:.2f}" for n, v in scorer.parts.items())
        text = clean_text(scorer.texts[index], 6000, multiline=True)
        cells = [
            question if question != before else "",
            rollout.asked,
            f"{'think' if rollout.thought else 'direct'}, {rollout.status}",
            f"{scorer.quality[index]:.2f}",
            terms,
            str(rollout.tokens),
        ]
        line = "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells)
        mark = ' class="new"' if question != before else ""
        rows.append(f"<tr{mark}>{line}<td><pre>{html.escape(text)}</pre></td></tr>")
        before = question
    return "".join(rows) + "</table>"
