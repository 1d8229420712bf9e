"""Whether runs are of the same questions: ids alone do not tell.

`photos/absent/001` is another question over other photographs. A run folder therefore keeps, next
to the digest of what it asked, one of each task as a whole: two runs of which one has a --limit, or
asked fewer tasks, or was made before another set was laid into the folder, can still be told to be
of the same data where they meet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...tools.errors import DataError, UsageError
from .item import Item
from .outcome import UNANSWERED, Outcome
from .runner import BY_TASK, choose, data_digest


def task_digests(items: Sequence[Item], tasks: Sequence[str]) -> dict[str, str]:
    """Digest of all items of each of these tasks, whatever the limit.

    Args:
        items: all of the benchmark.
        tasks: those that a run asks.
    """
    groups: dict[str, list[Item]] = {task: [] for task in tasks}
    for item in items:
        if item.task in groups:
            groups[item.task].append(item)
    return {task: data_digest(group) for task, group in groups.items()}


def check_finished(path: Path, outcomes: Mapping[str, Outcome]) -> None:
    """Raise UsageError where a run's answers have no scores: they get them when it ends."""
    bare = [o for o in outcomes.values() if not o.scores]
    answered = sum(o.status not in UNANSWERED for o in bare)
    if answered or (bare and len(bare) == len(outcomes)):
        raise UsageError(
            f"{path} was not finished: {len(bare)} of its {len(outcomes)} items have no scores.",
            "Start its command again; with --benchmark and --data what it lacks counts as wrong.",
        )


def check_comparable(a: Mapping[str, Any], b: Mapping[str, Any]) -> None:
    """Raise UsageError where two runs are of different benchmarks, or of other data.

    Args:
        a: what `run.json` of the first one holds; empty where there is none, which is let pass.
        b: of the second one.
    """
    names = {str(s.get("benchmark")) for s in (a, b) if s}
    if len(names) > 1:
        raise UsageError(f"the runs are of different benchmarks: {', '.join(sorted(names))}.")
    if a and b and _other_data(a, b):
        raise UsageError(
            "the runs are of different data: the same ids stand for other questions.",
            "Ask both on the same folder of data.",
        )


def _other_data(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    mine, theirs = a.get(BY_TASK), b.get(BY_TASK)
    if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
        return _differ(mine, theirs)
    # Folders of before there were digests by task: theirs is of what was chosen, and can only be
    # held against one of the same choice.
    same_choice = a.get("chosen") == b.get("chosen")
    return same_choice and a.get("data") != b.get("data")


def _differ(a: Mapping[Any, Any], b: Mapping[Any, Any]) -> bool:
    return any(digest != b[task] for task, digest in a.items() if task in b)


def check_run_of(path: Path, run: Mapping[str, Any], benchmark: str, items: Sequence[Item]) -> None:
    """Raise DataError where a run that is to be scored is of another benchmark or other data.

    Args:
        path: its folder, for the message.
        run: what its `run.json` holds; empty where there is none, which is let pass.
        benchmark: the one that it is scored by.
        items: all items of that one.
    """
    if not run:
        return
    name = str(run.get("benchmark"))
    if name != benchmark:
        raise DataError(f"{path} is a run of {name}, not of {benchmark}.", f"Use eval {name}.")
    kept = run.get(BY_TASK)
    if isinstance(kept, Mapping):
        other = _differ(kept, task_digests(items, list(dict.fromkeys(i.task for i in items))))
    else:
        other = _digest_of(run.get("chosen"), items) != run.get("data")
    if other:
        raise DataError(
            f"{path} was asked over other data than this, whose ids stand for other questions.",
            "Name the folder of its data with --data.",
        )


def _digest_of(chosen: Any, items: Sequence[Item]) -> str | None:
    """Digest of what a run's tasks and limit choose among these items; None where nothing fits."""
    chosen = chosen if isinstance(chosen, Mapping) else {}
    try:
        return data_digest(choose(items, chosen.get("tasks") or [], chosen.get("limit")))
    except UsageError:
        return None
