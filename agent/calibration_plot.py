"""The picture of a calibration: accuracy against tokens, for every threshold."""

from __future__ import annotations

from pathlib import Path

from ..tools.errors import MissingDependency, OutputError
from .calibration import Calibration


def plot(calibration: Calibration, title: str, file: Path) -> None:
    """Write the curve with the chosen point, the two fixed modes and the perfect chooser.

    Args:
        calibration: as fitted.
        title: whose it is.
        file: a .png, .svg or .pdf.

    Raises:
        MissingDependency: matplotlib is not installed. OutputError: the file can't be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingDependency(
            "a plot needs matplotlib.", "pip install 'gemvg-agent[eval]'"
        ) from None
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    points = sorted(calibration.curve, key=lambda p: p.tokens)
    axes.plot(
        [p.tokens for p in points], [100 * p.accuracy for p in points], color="#3a6ea5",
        label="auto, by threshold", linewidth=1.6,
    )  # fmt: skip
    marks = (
        (calibration.direct, "always direct", "s", "#777777"),
        (calibration.think, "always think", "^", "#777777"),
        (calibration.chooser, "perfect chooser", "*", "#2e8b57"),
        (calibration.chosen, f"chosen: {calibration.chosen.threshold:.2f}", "o", "#c0392b"),
    )
    for point, label, marker, colour in marks:
        axes.plot([point.tokens], [100 * point.accuracy], marker, color=colour, label=label, ms=8)
    axes.set_xlabel("completion tokens a question")
    axes.set_ylabel("accuracy, F1 at IoU 0.5 (%)")
    axes.set_title(f"{title}, {calibration.questions} questions", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    try:
        figure.savefig(file, dpi=150)
    except (OSError, ValueError) as error:
        raise OutputError(f"{file} can't be written.", "Give a .png, .svg or .pdf.") from error
