"""`gemvg-agent batch`: many questions from a file, each answered and written exactly once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import (
    AllowUrlsOption,
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
    from ..batch.job import BatchJob
    from ..batch.runner import Summary

FAILED_LINES, INTERRUPTED = 1, 130

Source = Annotated[
    str, typer.Argument(metavar="IN", help="JSON Lines, CSV, TSV or Parquet; - for standard input.")
]
Output = Annotated[str, typer.Argument(metavar="OUT", help="JSON Lines; - for standard output.")]
FolderOption = Annotated[
    str | None, typer.Option(help="What names of pictures are relative to. [the folder of IN]")
]
ErrorsOption = Annotated[str | None, typer.Option(help="Where errors go. [OUT.errors.jsonl]")]
RetryErrorsOption = Annotated[
    bool, typer.Option("--retry-errors", help="Ask the lines again that failed before.")
]
EngineOption = Annotated[
    str, typer.Option(metavar="local|vllm|ray", help="Where questions are answered.")
]
ProcessesOption = Annotated[
    int, typer.Option(min=1, max=4096, help="Of this machine; workers of a Ray cluster.")
]
InFlightOption = Annotated[
    int | None, typer.Option(min=1, max=100_000, help="Questions under way at a time. [32]")
]
AddressOption = Annotated[str | None, typer.Option(help="Of a running Ray cluster.")]
PatienceOption = Annotated[
    float, typer.Option(min=0, help="Seconds to wait for a server that is away.")
]
TimingsOption = Annotated[
    bool, typer.Option("--timings", help="Keep measured seconds in the results.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Show problems only.")]


def batch(
    context: typer.Context,
    source: Source,
    output: Output,
    folder: FolderOption = None,
    errors: ErrorsOption = None,
    retry_errors: RetryErrorsOption = False,
    engine: EngineOption = "local",
    processes: ProcessesOption = 1,
    in_flight: InFlightOption = None,
    address: AddressOption = None,
    patience: PatienceOption = 3600.0,
    timings: TimingsOption = False,
    policy: PolicyOption = None,
    dialect: DialectOption = None,
    mode: ModeOption = None,
    strategy: StrategyOption = None,
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
    allow_urls: AllowUrlsOption = None,
    quiet: QuietOption = False,
) -> None:
    """Answer every line of a file; run the same command again to go on where it ended.

    A line is {"custom_id", "query", "images"}, or a line of an OpenAI batch, or a row of a table
    with these columns. Results go to OUT, one JSON line each with its custom_id first; lines that
    fail go to OUT.errors.jsonl and stop nothing. Exit code: 0 all lines answered, 1 some failed or
    the job could not end, 2 wrong usage, 130 stopped by Ctrl-C.
    """
    from ..batch.job import BatchJob

    names = set(BatchJob.__dataclass_fields__)
    given: dict[str, Any] = {k: v for k, v in context.params.items() if k in names}
    job = BatchJob(settings=load_settings(context.params), **given)
    raise typer.Exit(run(job, quiet=quiet))


def run(job: BatchJob, *, quiet: bool) -> int:
    """Run a job with its progress on standard error; the exit code."""
    from ..batch.job import run_batch
    from ..batch.progress import BatchProgress
    from ..batch.reading import BatchInput

    total = None if quiet else BatchInput(job.source, job.folder).count()
    with BatchProgress(total, quiet=quiet) as progress:
        summary = run_batch(job, progress)
    if not quiet or summary.failures or summary.stopped:
        print(closing_words(summary, job), file=sys.stderr)
    if summary.stopped:
        return INTERRUPTED
    return FAILED_LINES if summary.failures else 0


def closing_words(summary: Summary, job: BatchJob) -> str:
    """One line that says how it ended."""
    words = [f"{summary.answered:,} answered"]
    if done := summary.known - summary.failed_before:
        words.append(f"{done:,} done before")
    if summary.failures:
        where = "on standard error" if job.error_output == "-" else f"in {job.error_output}"
        words.append(f"{summary.failures:,} failed ({where})")
    text = ", ".join(words)
    if summary.stopped:
        return f"gemvg-agent: stopped: {text}. The same command goes on."
    return f"gemvg-agent: {text}."


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("batch")(batch)
