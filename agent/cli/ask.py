"""`gemvg-agent ask`: one question about some pictures."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from .process import say, write_json

if TYPE_CHECKING:
    from ...tools.images import Picture
    from ..answer import Answer
    from ..settings import AskSettings

ANSWERED = ("ok", "none", "partial")


def ask(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="What to look for, in words.")],
    images: Annotated[
        list[str] | None, typer.Argument(metavar="IMAGE...", help="The pictures, in order.")
    ] = None,
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
    allow_urls: AllowUrlsOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the answer as one JSON object.")
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="DIR", help="Write annotated pictures and answer.json."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not show the steps.")] = False,
) -> None:
    """Ask one question about some pictures; get boxes.

    The result goes to standard output, the steps to standard error. Exit code: 0 answered (also
    "nothing there"), 1 failed, 2 wrong usage.
    """
    settings = load_settings(context.params)
    pictures = _pictures(query, images or [], settings)
    if save is not None:
        from ..render.saving import prepare_folder

        prepare_folder(save, pictures)
    answer = _answer(query, pictures, settings, quiet)
    try:
        _print(answer, as_json=as_json)
    finally:
        # Also where nobody reads the output any more, or the disk that it goes to is full.
        if save is not None:
            _save(answer, pictures, save)
    if answer.error is not None:
        say(answer.error.message)
    raise typer.Exit(0 if answer.status in ANSWERED else 1)


def _print(answer: Answer, *, as_json: bool) -> None:
    if as_json:
        write_json(answer.model_dump_json())
    else:
        from .table import print_answer

        print_answer(answer)


def _save(answer: Answer, pictures: list[Picture], folder: Path) -> None:
    """Write what there is: pictures without an answer's marks would look like `none`."""
    from ..render.saving import save_answer

    if answer.status == "failed":
        print(_save_record(answer, folder), file=sys.stderr)
        say("there is no answer, so no pictures are marked; answer.json says why.")
        return
    for line in save_answer(answer, pictures, folder):
        print(line, file=sys.stderr)


def _save_record(answer: Answer, folder: Path) -> Path:
    """Write answer.json alone. Raises OutputError where it can't be."""
    from ...tools.errors import OutputError

    record = folder / "answer.json"
    try:
        record.write_text(answer.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{record}: can't be written.", "Name another folder.") from error
    return record


def _pictures(query: str, images: list[str], settings: AskSettings) -> list[Picture]:
    """The pictures of the command line, checked; a picture in the question's place is told."""
    from ...tools.errors import UsageError
    from ..grounding_agent import checked_query
    from ..pictures import load_pictures

    checked_query(query)
    if not images and Path(query).suffix and os.path.isfile(query):
        raise UsageError(
            f"{query} stands where the question belongs.",
            'The question comes first: gemvg-agent ask "every dog" a.jpg b.jpg',
        )
    for name in images:
        _check_length(name)
    return load_pictures(images, max_images=settings.max_images, fetch=settings.fetcher())


def _check_length(name: str) -> None:
    """Raises ImageError for a name that no file can have."""
    from ...tools.errors import ImageError
    from ...tools.text import clean_text
    from ..pictures import is_address

    try:
        if not is_address(name):
            os.stat(name)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise ImageError(
                f"{clean_text(name, 80)}: the name is too long for a file.",
                "The question comes first, then the name of each picture.",
            ) from None
    except ValueError:
        return


def _answer(query: str, pictures: list[Picture], settings: AskSettings, quiet: bool) -> Answer:
    from ..events import Answered
    from ..settings import settings_files
    from .live import LiveSteps

    agent = settings.make_agent()
    with LiveSteps(quiet=quiet) as live:
        for file in settings_files():
            if file.is_file():
                live.note("settings", str(file))
        for event in agent.stream(query, pictures):
            live.show(event)
            if isinstance(event, Answered):
                return event.answer
    raise RuntimeError("the episode ended without an answer")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ask")(ask)
