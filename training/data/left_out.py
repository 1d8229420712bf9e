"""A recipe without some of its sources, and sources that are not where a recipe looks for them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ...tools.errors import DataError, UsageError
from .builders.registry import BUILDERS
from .recipe import PoolSpec, Recipe, TaskSpec


def without(recipe: Recipe, names: Collection[str]) -> Recipe:
    """The recipe for people who lack some of its sources.

    Pools and task entries that need a source left out go with it. What is left of a demand class
    takes over the class's whole share, so that the proportions between the classes stay wherever
    a class has any source left.

    Args:
        recipe: the whole one.
        names: sources (or files of ready questions) to leave out.

    Raises:
        UsageError: a name that is no source of the recipe, or nothing would be left.
    """
    known = [*recipe.sources, *recipe.ready]
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise UsageError(
            f"recipe {recipe.name} has no source {unknown[0]!r}.",
            f"Its sources: {', '.join(known) or 'none'}.",
        )
    pools = {
        name: pool.model_copy(
            update={"backgrounds": [s for s in pool.backgrounds if s not in names]}
        )
        for name, pool in recipe.pools.items()
        if not _needs(pool) & set(names)
    }
    tasks = [
        task.model_copy(update={"paste": None}) if task.paste in names else task
        for task in recipe.tasks
        if task.pool in pools
    ]
    if not tasks:
        raise UsageError(f"recipe {recipe.name} has no task without {', '.join(sorted(names))}.")
    return recipe.model_copy(
        update={
            "sources": {k: v for k, v in recipe.sources.items() if k not in names},
            "ready": {k: v for k, v in recipe.ready.items() if k not in names},
            "pools": pools,
            "tasks": _rescaled(recipe.tasks, tasks),
        }
    )


def _needs(pool: PoolSpec) -> set[str]:
    """Sources without which a pool holds nothing; backgrounds can be textures."""
    return {source for source in (pool.records, pool.sprites) if source is not None}


def _rescaled(before: Collection[TaskSpec], after: Collection[TaskSpec]) -> list[TaskSpec]:
    """The entries that are left, each demand class with the share that it had."""
    factors = {
        demand: share / left
        for demand, share in _shares(before).items()
        if (left := _shares(after).get(demand))
    }
    return [
        task.model_copy(update={"share": task.share * factors[BUILDERS[task.task].demand]})
        for task in after
    ]


def _shares(tasks: Collection[TaskSpec]) -> dict[str, float]:
    """Share by demand class."""
    shares: dict[str, float] = {}
    for task in tasks:
        demand = BUILDERS[task.task].demand
        shares[demand] = shares.get(demand, 0.0) + task.share
    return shares


def require_sources(recipe: Recipe, data: Path) -> None:
    """Look for every source before any is read: the first alone may take long.

    Raises:
        DataError: some are not there. One line with what is expected where, and how to do
            without.
    """
    missing: dict[str, Path] = {}
    for name, spec in {**recipe.sources, **recipe.ready}.items():
        for path in spec.resolve(name, data).paths.values():
            if name not in missing and not path.exists():
                missing[name] = path
    if missing:
        places = "; ".join(f"source {n}: {path} does not exist" for n, path in missing.items())
        raise DataError(
            f"{places}.",
            "Put it there, point --data at the folder that holds it, or leave it out: "
            f"--without {','.join(missing)}",
        )
