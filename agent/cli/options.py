"""The options of a question, for every command that asks questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..settings import AskSettings

_HOW = "How to answer"
_LIMITS = "Limits"

PolicyOption = Annotated[
    str | None,
    typer.Option(
        "--policy",
        help="Who answers: nano, planner, a preset, a folder, a hub id, a URL. [nano]",
        show_default=False,
    ),
]
DialectOption = Annotated[
    str | None,
    typer.Option("--dialect", help="How the model writes, where its name does not say so."),
]
ModeOption = Annotated[
    str | None, typer.Option("--mode", metavar="auto|think|direct", help="Reason first, or not.")
]
StrategyOption = Annotated[
    str | None,
    typer.Option(
        "--strategy", metavar="auto|one-shot|poll", help="All pictures at once, or one by one."
    ),
]
ToolsOption = Annotated[
    str | None,
    typer.Option("--tools", metavar="NAMES|none", help="Of zoom,detect,match,compare; or none."),
]
DetectorOption = Annotated[
    str | None,
    typer.Option("--detector", help="The detector: yolo26m, yolo26n, a .pt file, a folder."),
]
OpenDetectorOption = Annotated[
    str | None,
    typer.Option("--open-detector", help="The detector for words that the first does not know."),
]
MaxStepsOption = Annotated[
    int | None, typer.Option("--max-steps", help="Calls of the policy. [8]", show_default=False)
]
MaxToolCallsOption = Annotated[
    int | None, typer.Option("--max-tool-calls", help="Tool calls. [24]", show_default=False)
]
MaxSecondsOption = Annotated[
    float | None, typer.Option("--max-seconds", help="Time for a question. [300]")
]
MaxViewsOption = Annotated[
    int | None, typer.Option("--max-views", help="Crops that tools may make. [48]")
]
MaxImagesOption = Annotated[
    int | None, typer.Option("--max-images", help="Pictures in a question. [64; of serve: 16]")
]
MaxTokensOption = Annotated[
    int | None, typer.Option("--max-tokens", help="Length of what a model writes. [2048]")
]
TemperatureOption = Annotated[
    float | None, typer.Option("--temperature", help="Of sampling; 0 is greedy. [0]")
]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Of everything random. [0]")]
ScoresOption = Annotated[
    str | None,
    typer.Option(
        "--scores",
        metavar="none|token-probability|agreement",
        help="Scores of a model's boxes: from its tokens, or from several samples.",
    ),
]
SamplesOption = Annotated[
    int | None, typer.Option("--samples", help="Samples for agreement. [5]", show_default=False)
]
AllowUrlsOption = Annotated[
    bool | None,
    typer.Option("--allow-urls/--no-urls", help="Fetch pictures from addresses. [no]"),
]


def load_settings(parameters: dict[str, Any]) -> AskSettings:
    """The settings from a command's own parameters (those that are options of a question).

    Raises:
        UsageError: a value that can't be used, from wherever it came.
    """
    from ..settings import AskSettings

    known = AskSettings.model_fields
    return AskSettings.load({name: v for name, v in parameters.items() if name in known})
