"""A recipe: sources, pools, and how many samples of which task from where. YAML, validated."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ...tools.errors import DataError, UsageError
from ...tools.text import clean_text
from ...tools.tool import explain_validation
from .readers.base import Source
from .readers.registry import READERS
from .recipe_options import check_reader_options, check_task_options
from .sample import Task
from .scenes.picture_sets import SETS

_PATH_KEYS = ("annotations", "images", "captions", "references", "objects", "folder")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SourceSpec(_Model):
    """One source: its reader, its paths (relative to --data), its licence, reader options."""

    reader: str
    annotations: str | None = None
    images: str | None = None
    captions: str | None = None
    references: str | None = None
    objects: str | None = None
    folder: str | None = None
    licence: str = "unknown"
    options: dict[str, Any] = Field(default_factory=dict[str, Any])

    def resolve(self, name: str, data: Path) -> Source:
        """With its paths below the data folder (absolute paths stay)."""
        given = {key: getattr(self, key) for key in _PATH_KEYS}
        paths = {key: data / Path(value).expanduser() for key, value in given.items() if value}
        return Source(name, paths, self.options, self.licence)

    def pictures(self, data: Path) -> Path:
        """The folder that records' files are relative to."""
        return data / Path(self.images or self.folder or ".").expanduser()


class PoolSpec(_Model):
    """Where pictures come from: `records` of a source, or scenes.

    Attributes:
        records: name of a source; pictures are its photographs.
        sprites: a set of object pictures (`objects`, `objects-drawn`), or a source whose outlined
            objects are cut out.
        backgrounds: sources whose photographs lie behind scenes; textures besides.
        share: how often a background is a photograph.
        sides: least and greatest side of a scene, pixels. most: most objects in one scene.
        labels: only these labels (of sprites).
    """

    records: str | None = None
    sprites: str | None = None
    backgrounds: list[str] = Field(default_factory=list[str])
    share: float = Field(0.5, ge=0.0, le=1.0)
    sides: tuple[int, int] = (208, 352)
    most: Annotated[int, Field(ge=1, le=64)] = 9
    labels: list[str] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> PoolSpec:
        if (self.records is None) == (self.sprites is None):
            raise ValueError("a pool has either `records` or `sprites`")
        if not 64 <= self.sides[0] <= self.sides[1] <= 4096:
            raise ValueError("`sides` are two numbers from 64 to 4096, the smaller first")
        return self


class TaskSpec(_Model):
    """One task from one pool, with its share of the samples.

    Attributes:
        paste: for changes in photographs: the source whose cut-outs are pasted.
    """

    task: Task
    pool: str
    share: float = Field(gt=0.0, allow_inf_nan=False)
    paste: str | None = None
    options: dict[str, Any] = Field(default_factory=dict[str, Any])


class ReadySpec(SourceSpec):
    """A file of ready questions (MIG-Bench, MGrounding-630k), taken over."""

    reader: Literal["mig"] = "mig"  # pyright: ignore[reportIncompatibleVariableOverride]
    limit: int | None = None


class Recipe(_Model):
    """A whole recipe; see the module's YAML files."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,60}$")
    seed: int = 1
    size: int = Field(ge=1)
    splits: dict[str, float] = Field(default_factory=lambda: {"train": 0.95, "val": 0.05})
    traces: float = Field(0.5, ge=0.0, le=1.0)
    quality: int = Field(90, ge=30, le=100)
    sources: dict[str, SourceSpec] = Field(default_factory=dict[str, SourceSpec])
    pools: dict[str, PoolSpec]
    tasks: list[TaskSpec] = Field(min_length=1)
    ready: dict[str, ReadySpec] = Field(default_factory=dict[str, ReadySpec])

    @model_validator(mode="after")
    def _names_exist(self) -> Recipe:
        for name, source in self.sources.items():
            if source.reader not in READERS:
                raise ValueError(f"source {name}: no reader {source.reader}")
        twice = sorted(set(self.sources) & set(self.ready))
        if twice:
            # Samples name a picture's folder by its source.
            raise ValueError(f"{twice[0]} is a source and a file of ready questions")
        for name, source in {**self.sources, **self.ready}.items():
            _named(f"source {name}", check_reader_options, source.reader, source.options)
        for name, pool in self.pools.items():
            wanted = [*pool.backgrounds, *([pool.records] if pool.records else [])]
            wanted += [pool.sprites] if pool.sprites and pool.sprites not in SETS else []
            for source in wanted:
                if source not in self.sources:
                    raise ValueError(f"pool {name}: no source {source}")
        for task in self.tasks:
            if task.pool not in self.pools:
                raise ValueError(f"task {task.task}: no pool {task.pool}")
            if task.paste is not None and task.paste not in self.sources:
                raise ValueError(f"task {task.task}: no source {task.paste}")
            _named(f"task {task.task}", check_task_options, task.options)
        shares = self.splits.values()
        if not all(0 <= share < math.inf for share in shares) or not 0 < sum(shares) < math.inf:
            raise ValueError("splits need shares above zero")
        return self

    def digest(self) -> str:
        """A short name of everything that decides the samples."""
        text = json.dumps(self.model_dump(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def quotas(self) -> list[int]:
        """Samples per task entry: shares of `size`, rounded by largest remainder."""
        total = sum(task.share for task in self.tasks)
        exact = [self.size * task.share / total for task in self.tasks]
        quotas = [int(value) for value in exact]
        order = sorted(range(len(exact)), key=lambda k: (quotas[k] - exact[k], k))
        for k in order[: self.size - sum(quotas)]:
            quotas[k] += 1
        return quotas


def _named(what: str, check: Callable[..., None], *given: Any) -> None:
    """Run a check; what it raises begins with what it is about."""
    try:
        check(*given)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from error


def with_pictures(recipe: Recipe, name: str) -> Recipe:
    """The recipe with another set of object pictures, the same things drawn by others.

    Raises:
        UsageError: no such set, or no pool of object pictures.
    """
    if name not in SETS:
        raise UsageError(
            f"{clean_text(name, 60)}: no such set of object pictures.",
            f"There are: {', '.join(SETS)}.",
        )
    pools = {
        key: pool.model_copy(update={"sprites": name}) if pool.sprites in SETS else pool
        for key, pool in recipe.pools.items()
    }
    if not any(pool.sprites in SETS for pool in pools.values()):
        raise UsageError(
            f"the recipe {recipe.name} shows no object pictures.", "Leave out --sprites."
        )
    return recipe.model_copy(update={"pools": pools})


def shipped() -> list[str]:
    """Names of the recipes that come with the package."""
    folder = resources.files("gemvg.training.data.recipes")
    return sorted(f.name for f in folder.iterdir() if f.name.endswith(".yaml"))


def load_recipe(name: str) -> Recipe:
    """A recipe from a file, or by the name of one that comes with the package.

    Raises:
        DataError: no such recipe, not YAML, or wrong; the message names the field.
    """
    import yaml

    path = Path(name)
    try:
        if path.is_file():
            text = path.read_text(encoding="utf-8")
        elif path.name in shipped() or f"{path.name}.yaml" in shipped():
            file = path.name if path.name.endswith(".yaml") else f"{path.name}.yaml"
            folder = resources.files("gemvg.training.data.recipes")
            text = folder.joinpath(file).read_text(encoding="utf-8")
        else:
            raise DataError(f"{name}: no such recipe.", f"Shipped: {', '.join(shipped())}.")
        raw = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"{name}: not a readable YAML file.") from error
    try:
        return Recipe.model_validate(raw)
    except ValidationError as error:
        raise DataError(f"{path.name}: {explain_validation(error)}") from error
