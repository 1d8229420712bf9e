"""A recipe for a nano model: its size, what it sees, its legs, and its finetuning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ...tools.errors import DataError
from ...tools.text import clean_text
from ...tools.tool import explain_validation
from ..data.sample import Task
from .size import SIZES

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0.0, le=1.0)]
HERE = Path(__file__).parent


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Leg(_Part):
    """One stage with a schedule of its own.

    Attributes:
        name: of its folder.
        trains: the vision tower, the language model on what the tower sees, or both.
        steps, minutes: how long; exactly one. With steps the result is the same wherever a run was
            broken off; with minutes it depends on the machine's speed.
        batch: pages a step. pictures: on a page, drawn by weight. questions: on a page.
        absent, common: see `questions.AskedOf`; they hold for pages of simple questions.
        engine: share of steps whose pages are drafts of the data engine.
        tools: share of steps whose pages are recorded conversations with tools.
        unknown: share of simple questions about a thing that nano has no name for.
        muon, adam: learning rates. dense: weight of the dense loss where the tower is trained.
        guide: weight of the loss that teaches where to look; see `answers.answer_loss`.
        save_minutes: between checkpoints.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
    trains: Literal["vision", "language", "joint"]
    steps: Positive | None = None
    minutes: Annotated[float, Field(gt=0.0)] | None = None
    batch: Positive = 32
    pictures: dict[int, float] = Field(default_factory=lambda: {1: 1.0})
    questions: Positive = 3
    absent: Fraction = 0.25
    common: Fraction = 0.0
    engine: Fraction = 0.0
    tools: Fraction = 0.0
    unknown: Fraction = 0.0
    muon: Rate = 0.01
    adam: Rate = 0.002
    dense: Annotated[float, Field(ge=0.0)] = 1.0
    guide: Annotated[float, Field(ge=0.0)] = 0.0
    clip: Annotated[float, Field(gt=0.0)] = 1.0
    save_minutes: Annotated[float, Field(gt=0.0)] = 5.0

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.steps is None) == (self.minutes is None):
            raise ValueError("give either steps or minutes")
        if not self.pictures or min(self.pictures) < 1 or max(self.pictures) > 16:
            raise ValueError("pictures on a page are 1 to 16")
        if min(self.pictures.values()) <= 0:
            raise ValueError("weights of pictures are above 0")
        if self.engine + self.tools > 1:
            raise ValueError("engine and tools are shares of the same steps")
        return self


class Finetune(_Part):
    """Stage S3, once all legs are done.

    Attributes:
        recipe: of `train rft`, a packaged name or a file; its base and data are set by the run.
        data: recipe of `data build` for its questions. scenes: how many are built.
        seed: of the run. steps: other than the recipe's.
        seeds: runs, each with its own seed from `seed` on; the mean of their weights is kept.
        set: further `part.key=value` changes of the recipe.
    """

    recipe: str = "nano-rft"
    data: str = "nano-scenes"
    scenes: Positive = 9600
    seed: int = 0
    seeds: Positive = 1
    steps: Positive | None = None
    set: list[str] = Field(default_factory=list[str])


class NanoRecipe(_Part):
    """A whole training.

    Attributes:
        objects: the fetched object pictures, or shapes made by code.
        episodes: folder of recorded conversations, for legs with `tools`; see `recording`.
        tasks: share of each task of the data engine; all alike where None.
        names: how many of their names are used; drawn by the seed; all where None.
        shapes: (rows, columns) of cells, one drawn a step.
        bfloat16: compute in bfloat16 where it is faster; weights stay in float32.
        compiled: have torch compile the language model's layers: after a minute or two, up to twice
            as fast on a CPU; needs a C++ compiler.
        workers: processes that compose scenes; 0 composes between steps.
        evaluate: held-out questions after each leg, on layouts that no step has.
        finetune: hybrid reinforcement finetuning behind the legs; none where None.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9.-]{1,60}$")]
    size: str
    seed: int = 0
    output: str
    objects: Literal["pictures", "shapes"] = "pictures"
    episodes: str | None = None
    tasks: dict[Task, Annotated[float, Field(gt=0.0)]] | None = None
    names: Positive | None = None
    most: Annotated[int, Field(ge=1, le=12)] = 4
    wordings: list[str] = Field(default_factory=lambda: ["find the {label}"], min_length=1)
    shapes: list[tuple[Positive, Positive]] = Field(default_factory=list[tuple[int, int]])
    bfloat16: bool = True
    compiled: bool = False
    workers: Annotated[int, Field(ge=0, le=64)] = 0
    threads: Positive | None = None
    evaluate: Annotated[int, Field(ge=0)] = 400
    legs: list[Leg] = Field(min_length=1)
    finetune: Finetune | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.size not in SIZES:
            raise ValueError(f"size is one of {', '.join(SIZES)}")
        if self.episodes is None and any(leg.tools for leg in self.legs):
            raise ValueError("a leg with tools needs episodes")
        if len({leg.name for leg in self.legs}) < len(self.legs):
            raise ValueError("two legs have the same name")
        if any("{label}" not in wording for wording in self.wordings):
            raise ValueError("every wording holds {label}")
        return self

    def within(self, minutes: float) -> NanoRecipe:
        """The same recipe with legs that take so many minutes together, shared as before.

        Finetuning gets the same share of its steps, where the recipe says how many they are.

        Raises:
            DataError: a leg is counted in steps.
        """
        given = [leg.minutes for leg in self.legs]
        if any(part is None for part in given):
            raise DataError(
                f"{self.name}: a leg is counted in steps.", "Give minutes to every leg of it."
            )
        whole = sum(part or 0.0 for part in given)
        legs = [
            leg.model_copy(update={"minutes": (leg.minutes or 0.0) * minutes / whole})
            for leg in self.legs
        ]
        changes: dict[str, Any] = {"legs": legs}
        if self.finetune is not None and self.finetune.steps is not None:
            steps = max(1, round(self.finetune.steps * minutes / whole))
            changes["finetune"] = self.finetune.model_copy(update={"steps": steps})
        return self.model_copy(update=changes)


def packaged_recipes() -> tuple[str, ...]:
    """Names of the recipes that come with the package."""
    return tuple(sorted(path.stem for path in HERE.glob("*.yaml")))


def read_nano_recipe(name: str) -> NanoRecipe:
    """The recipe of a packaged name or a YAML file.

    Raises:
        DataError: there is none, or it is not a recipe; the message says where it is wrong.
    """
    import yaml

    path = HERE / f"{name}.yaml" if name in packaged_recipes() else Path(name)
    try:
        raw: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return NanoRecipe.model_validate(raw)
    except ValidationError as error:
        raise DataError(f"{clean_text(name, 120)}: {explain_validation(error)}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(
            f"{clean_text(name, 120)}: there is no such recipe, or it is not YAML.",
            f"The packaged ones are: {', '.join(packaged_recipes())}.",
        ) from error
