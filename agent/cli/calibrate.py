"""`gemvg-agent calibrate`: find out when a policy's direct answer is worth thinking over."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

Questions = Annotated[
    Path,
    typer.Argument(
        metavar="QUESTIONS.jsonl",
        help='Lines {"query", "images": [paths], "answer": [{"image", "box"}]}.',
    ),
]
PolicyName = Annotated[
    str | None, typer.Option("--policy", help="Name, folder, hub id or server's address.")
]
DialectName = Annotated[
    str | None, typer.Option("--dialect", help="How the model writes, if its name does not say.")
]
Plot = Annotated[
    Path | None, typer.Option("--plot", help="Draw accuracy against tokens (.png, .svg, .pdf).")
]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="Keep the threshold in this file instead of the user's own."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the fit; keep nothing.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Questions at most.")]
Concurrency = Annotated[int, typer.Option("--concurrency", min=1, max=256, help="At once.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("calibrate")(calibrate)


def calibrate(
    questions: Questions,
    policy: PolicyName = None,
    dialect: DialectName = None,
    plot: Plot = None,
    out: Out = None,
    dry_run: DryRun = False,
    limit: Limit = None,
    concurrency: Concurrency = 4,
    as_json: AsJson = False,
) -> None:
    """Answer labelled questions directly and thinking; fit and keep the threshold of `auto`."""
    from ...tools.errors import UsageError
    from ..background import run_sync
    from ..calibration import fit, run_trials
    from ..labelled import read_labelled
    from ..rules import check_rules_file, save_rules
    from ..settings import AskSettings

    labelled = read_labelled(questions, limit)
    chosen = {"policy": policy, "dialect": dialect, "tools": "none", "strategy": "one-shot"}
    agent = AskSettings.load(chosen).make_agent()
    if agent.policy.backend == "planner" or agent.policy.dialect.learned_modes:
        raise UsageError(
            f"{agent.policy.name} chooses by itself when to think; there is nothing to fit.",
            "Calibrate a policy that was not trained to choose (--policy).",
        )
    if not dry_run:
        check_rules_file(out)

    def progress(done: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done}/{len(labelled)} questions", end="", file=sys.stderr, flush=True)

    trials = run_sync(run_trials(agent, labelled, concurrency=concurrency, on_trial=progress))
    if sys.stderr.isatty():
        print(file=sys.stderr)
    result = fit(trials)
    kept = None
    if not dry_run:
        kept = save_rules(agent.policy, result.rules(), result.facts(), out)
    if plot is not None:
        from ..calibration_plot import plot as draw

        draw(result, agent.policy.name, plot)
    if as_json:
        record = {"threshold": result.rules().threshold, **result.facts()}
        print(json.dumps({**record, "file": str(kept) if kept else None}))
        return
    rows = (
        ("always direct", result.direct), ("always think", result.think),
        ("perfect chooser", result.chooser), ("auto, calibrated", result.chosen),
    )  # fmt: skip
    print(f"{'':18}accuracy   tokens   thinks")
    for name, point in rows:
        print(f"{name:18}{point.accuracy:8.1%} {point.tokens:8.1f} {point.thinks:8.0%}")
    print(f"threshold {result.rules().threshold:.3f} on {result.questions} questions")
    if kept is not None:
        print(f"kept in {kept}", file=sys.stderr)
