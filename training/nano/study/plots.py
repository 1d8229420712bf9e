"""Plots of a study: accuracy against tokens, what auto thinks about, rewards while training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from ....tools.errors import OutputError
from .summary import WAYS, ArmSummary

MARKS = {"think": "^", "direct": "o", "auto": "s", "oracle": "*"}


def plot_study(found: Sequence[ArmSummary], folder: Path, held: str = "") -> list[Path]:
    """Draw the plots of a study on one held-out set as PNG files; returns them.

    Raises:
        OutputError: the folder can't be written.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    plots: dict[str, Any] = {"tokens": _tokens, "thinks": _thinks, "rewards": _rewards}
    files: list[Path] = []
    arms: dict[str, list[ArmSummary]] = {}
    for one in found:
        arms.setdefault(one.arm, []).append(one)
    for name, draw in plots.items():
        figure, axes = pyplot.subplots(figsize=(8.0, 4.5), layout="constrained")
        draw(axes, arms)
        file = folder / f"nano_study_{name}{f'_{held}' if held else ''}.png"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            figure.savefig(file, dpi=110)
        except OSError as error:
            raise OutputError(f"{file}: can't be written.", "Choose another folder.") from error
        finally:
            pyplot.close(figure)
        files.append(file)
    return files


def _colour(number: int) -> Any:
    """The colour of an arm; twenty of them are told apart, the first ten most easily."""
    import matplotlib

    light, hue = divmod(number % 20, 10)
    return matplotlib.colormaps["tab20"](2 * hue + light)


def _tokens(axes: Any, arms: dict[str, list[ArmSummary]]) -> None:
    for number, (arm, own) in enumerate(arms.items()):
        for way in WAYS:
            place = fmean(one.mean_tokens(way) for one in own)
            reached = [one.macro(way) for one in own]
            # From the least to the most of the seeds.
            axes.vlines(place, min(reached), max(reached), color=_colour(number))
            axes.scatter(place, fmean(reached), marker=MARKS[way], s=70, color=_colour(number))
        # An entry for each colour, and behind them one for each mark.
        axes.scatter([], [], marker="o", s=50, color=_colour(number), label=arm)
    for way in WAYS:
        axes.scatter([], [], marker=MARKS[way], s=50, facecolors="none", edgecolors="k", label=way)
    axes.set(xlabel="tokens of an answer", ylabel="macro F1 at IoU .5")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    axes.grid(alpha=0.3)


def _thinks(axes: Any, arms: dict[str, list[ArmSummary]]) -> None:
    shown = [arm for arm in arms if arm in ("sft", "hybrid")] or list(arms)[:2]
    width = 0.8 / max(1, len(shown))
    for number, arm in enumerate(shown):
        own = arms[arm]
        tasks = sorted(own[0].thinks)
        shares = [fmean(one.thinks[task] for one in own) for task in tasks]
        places = [at + number * width for at in range(len(tasks))]
        axes.bar(places, shares, width, label=arm)
        axes.set_xticks([at + 0.4 - width / 2 for at in range(len(tasks))], tasks, rotation=35,
                        ha="right", fontsize=8)  # fmt: skip
    axes.set(ylabel="share of questions that auto thinks about", ylim=(0, 1))
    axes.legend()


def _rewards(axes: Any, arms: dict[str, list[ArmSummary]]) -> None:
    for number, (arm, own) in enumerate(arms.items()):
        for one in own:
            steps = [point["step"] for point in one.curve]
            values = [point.get("reward", float("nan")) for point in one.curve]
            if steps:
                label = arm if one is own[0] else None
                axes.plot(steps, values, color=_colour(number), label=label, alpha=0.8)
    axes.set(xlabel="step", ylabel="mean reward of the rollouts")
    if any(one.curve for own in arms.values() for one in own):
        axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
