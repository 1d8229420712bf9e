"""`gemvg-agent eval`: run and score benchmarks, compare runs, measure deciding."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...tools.errors import UsageError
from .options import (
    DetectorOption,
    DialectOption,
    MaxImagesOption,
    MaxSecondsOption,
    MaxStepsOption,
    MaxTokensOption,
    MaxToolCallsOption,
    MaxViewsOption,
    ModeOption,
    OpenDetectorOption,
    PolicyOption,
    SamplesOption,
    ScoresOption,
    SeedOption,
    StrategyOption,
    TemperatureOption,
    ToolsOption,
    load_settings,
)

if TYPE_CHECKING:
    from ...training.benchmarks.evaluate import Chosen, Progress

BENCHMARKS = {
    "mig-bench": "MIG-Bench, revised labels (4,276 items).",
    "mig-bench-original": "MIG-Bench as first published (4,295 items).",
    "mc-bench": "MC-Bench: one phrase, two pictures, any number of boxes.",
    "odinw-13": "ODinW-13, one question for all classes of a set.",
    "odinw-13-per-class": "ODinW-13, one question for each class in the picture.",
    "refcoco": "RefCOCO, RefCOCO+ and RefCOCOg.",
    "blink": "BLINK: multiple choice about one to four pictures.",
    "muirbench": "MuirBench: multiple choice about several pictures.",
    "mmiu": "MMIU: multiple choice, 52 tasks.",
    "photos": "Six kinds of questions built from annotated photographs.",
}
"""What can be evaluated; the names stand here too so that help costs no imports."""

DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The benchmark's folder. [data/benchmarks/NAME]"),
]
TasksOption = Annotated[
    str | None, typer.Option("--tasks", metavar="A,B", help="Only these tasks.")
]
LimitOption = Annotated[
    int | None, typer.Option("--limit", help="At most so many items of each task.")
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Records and reports; a run goes on from there."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
OfficialOption = Annotated[
    bool, typer.Option("--official", help="Repeat the published script's quirks.")
]
ConcurrencyOption = Annotated[
    int, typer.Option("--concurrency", min=1, max=256, help="Questions under way at once.")
]


def _run(name: str) -> Callable[..., None]:
    """The command of one benchmark."""

    def run(
        context: typer.Context,
        files: Annotated[
            list[Path] | None,
            typer.Argument(metavar="[FILES]...", help="More files for --predictions."),
        ] = None,
        predictions: Annotated[
            list[Path] | None,
            typer.Option(
                "--predictions",
                metavar="FILES",
                help="Score these published answers, or a run's folder; ask nothing.",
            ),
        ] = None,
        data: DataOption = None,
        tasks: TasksOption = None,
        limit: LimitOption = None,
        out: OutOption = None,
        official: OfficialOption = False,
        as_json: JsonOption = False,
        concurrency: ConcurrencyOption = 4,
        mode: ModeOption = None,
        strategy: StrategyOption = None,
        policy: PolicyOption = None,
        dialect: DialectOption = None,
        tools: ToolsOption = None,
        detector: DetectorOption = None,
        open_detector: OpenDetectorOption = None,
        max_steps: MaxStepsOption = None,
        max_tool_calls: MaxToolCallsOption = None,
        max_seconds: MaxSecondsOption = None,
        max_views: MaxViewsOption = None,
        max_images: MaxImagesOption = None,
        max_tokens: MaxTokensOption = None,
        temperature: TemperatureOption = None,
        scores: ScoresOption = None,
        samples: SamplesOption = None,
        seed: SeedOption = None,
    ) -> None:
        given = [*(predictions or []), *(files or [])]
        if files and not predictions:
            raise UsageError(f"{files[0]}: files are for --predictions.")
        chosen = _chosen(name, data, tasks, limit)
        if given:
            report = _score(chosen, given, out, official)
        else:
            report = _ask(name, chosen, context.params, out, official, concurrency)
        if as_json:
            _print_json(report)
        else:
            from .eval_tables import print_run

            print_run(report)

    return run


def _score(chosen: Chosen, given: list[Path], out: Path | None, official: bool) -> dict[str, Any]:
    from ...training.benchmarks.evaluate import score_answers

    return score_answers(chosen, given, out, official).report


def _ask(
    name: str,
    chosen: Chosen,
    parameters: dict[str, Any],
    out: Path | None,
    official: bool,
    concurrency: int,
) -> dict[str, Any]:
    from ...training.benchmarks.evaluate import ask_all

    settings = load_settings(parameters)
    place = out or _default_out(name, settings.policy, settings.mode)
    progress = _progress(name)
    done = ask_all(
        chosen, settings, place, official=official, concurrency=concurrency, progress=progress
    )
    print(f"records and report: {place}", file=sys.stderr)
    return done.report


def _chosen(name: str, data: Path | None, tasks: str | None, limit: int | None) -> Chosen:
    from ...training.benchmarks.evaluate import Chosen

    wanted = [t.strip() for t in (tasks or "").split(",") if t.strip()]
    return Chosen.of(name, data, wanted, limit)


def _default_out(name: str, policy: str, mode: str) -> Path:
    """A folder that is the same for the same run, so that starting it again goes on."""
    words = "".join(c if c.isalnum() or c in "-._" else "-" for c in policy).strip("-.") or "policy"
    return Path("runs") / name / f"{words[-60:]}-{mode}"


def _progress(name: str) -> Progress:
    """One line on standard error that is written over; every tenth result where it is a file."""
    terminal = sys.stderr.isatty() and not os.environ.get("CI")

    def show(done: int, total: int) -> None:
        if terminal:
            end = "\n" if done == total else ""
            print(f"\r{name}: {done}/{total}", end=end, file=sys.stderr, flush=True)
        elif done == total or done % max(1, total // 10) == 0:
            print(f"{name}: {done}/{total}", file=sys.stderr, flush=True)

    return show


def _print_json(value: dict[str, Any]) -> None:
    from .process import write_json

    write_json(json.dumps(value, ensure_ascii=False))


def compare(
    a: Annotated[Path, typer.Argument(help="A run's folder, or published answers.")],
    b: Annotated[Path, typer.Argument(help="Another one, on the same items.")],
    benchmark: Annotated[
        str | None, typer.Option("--benchmark", help="Score both anew on this benchmark's data.")
    ] = None,
    data: DataOption = None,
    tasks: TasksOption = None,
    official: OfficialOption = False,
    metric: Annotated[
        str | None, typer.Option("--metric", help="Item score to compare runs by.")
    ] = None,
    level: Annotated[
        float, typer.Option("--level", min=0.5, max=0.999, help="Coverage of the intervals.")
    ] = 0.95,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.html", help="Write a page.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Which of two runs is better, per task, with intervals; and which items flipped."""
    from ...training.benchmarks.evaluate import compare_runs, compare_scored

    if benchmark is not None:
        if metric is not None:
            raise UsageError("--metric is for runs; --benchmark compares by its own score.")
        chosen = _chosen(benchmark, data, tasks, None)
        result = compare_runs(chosen, a, b, official, level)
    else:
        if data is not None or tasks is not None or official:
            raise UsageError("--data, --tasks and --official need --benchmark.")
        result = compare_scored(a, b, metric, level)
    if out is not None:
        from ...training.benchmarks.report import compare_page, write_text

        write_text(out, compare_page(result, str(a), str(b)))
    if as_json:
        _print_json(result.to_json())
    else:
        from .eval_tables import print_comparison

        print_comparison(result.to_json(), str(a), str(b))


def deciding(
    context: typer.Context,
    benchmark: Annotated[str, typer.Argument(help="The benchmark.")],
    think: Annotated[Path | None, typer.Option(help="A run (or answers) that thought.")] = None,
    direct: Annotated[Path | None, typer.Option(help="A run that answered at once.")] = None,
    auto: Annotated[Path | None, typer.Option(help="A run that chose.")] = None,
    data: DataOption = None,
    tasks: TasksOption = None,
    limit: LimitOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
    concurrency: ConcurrencyOption = 4,
    strategy: StrategyOption = None,
    policy: PolicyOption = None,
    dialect: DialectOption = None,
    tools: ToolsOption = None,
    detector: DetectorOption = None,
    open_detector: OpenDetectorOption = None,
    max_steps: MaxStepsOption = None,
    max_seconds: MaxSecondsOption = None,
    max_tokens: MaxTokensOption = None,
    temperature: TemperatureOption = None,
    scores: ScoresOption = None,
    samples: SamplesOption = None,
    seed: SeedOption = None,
) -> None:
    """Think, direct, auto and the oracle chooser side by side: accuracy against tokens.

    Runs that are not given are asked, into subfolders of --out.
    """
    from ...training.benchmarks.evaluate import decide
    from ...training.benchmarks.report import deciding_page, write_json, write_text

    chosen = _chosen(benchmark, data, tasks, limit)
    named = {"think": think, "direct": direct, "auto": auto}
    paths = {name: path for name, path in named.items() if path is not None}
    complete = "think" in paths and "direct" in paths
    settings = None if complete and out is None else load_settings(context.params)
    place = out or Path("runs") / benchmark / "deciding"
    result = decide(
        chosen, paths, None if complete and auto is None else settings,
        None if complete and out is None else place, concurrency=concurrency,
        progress=lambda name: _progress(f"{benchmark} {name}"),
    )  # fmt: skip
    if out is not None or not complete:
        write_json(place / "deciding.json", result.to_json())
        write_text(place / "deciding.html", deciding_page(result, f"{benchmark}: deciding"))
        print(f"table and plot: {place / 'deciding.html'}", file=sys.stderr)
    if as_json:
        _print_json(result.to_json())
    else:
        from .eval_tables import print_deciding

        print_deciding(result.to_json())


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    group = typer.Typer(
        name="eval",
        help="Run and score benchmarks, compare runs, measure deciding.",
        no_args_is_help=True,
    )
    for name, words in BENCHMARKS.items():
        group.command(name, help=words)(_run(name))
    group.command("compare")(compare)
    group.command("deciding")(deciding)
    app.add_typer(group, name="eval")
