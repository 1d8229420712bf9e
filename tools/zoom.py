"""`zoom`: look at one or several windows of any view, magnified where they are tiny.

How large the new raster is: the padded window at the picture's own resolution, magnified until its
short side has `MIN_SIDE` pixels but never by more than `MAX_MAGNIFICATION`, and bounded so that its
long side has at most `MAX_SIDE`; the aspect is kept. A window smaller than `MIN_WINDOW` picture
pixels, or thinner than 1 to `MAX_ASPECT`, is first widened around its middle: a single pixel shows
nothing, and vision processors refuse pictures that are all but a line.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from .boxes import Box
from .tool import Region, Tool, ToolArguments, ToolContext, ToolResult, resolve_region
from .views import ViewPlan

MIN_SIDE = 336
MAX_SIDE = 1024
MAX_MAGNIFICATION = 16.0
MIN_WINDOW = 12.0
MAX_ASPECT = 12.0
MAX_REGIONS = 8
MAX_VIEWS = 256


class ZoomArguments(ToolArguments):
    """Arguments of `zoom`."""

    regions: Annotated[
        tuple[Region, ...],
        Field(min_length=1, max_length=MAX_REGIONS, description="What to look at, one view each."),
    ]
    padding: Annotated[
        float,
        Field(
            ge=0.0,
            le=2.0,
            allow_inf_nan=False,
            description="Context added on every side, as a fraction of the box's own size.",
        ),
    ] = 0.1


class Zoom(Tool[ZoomArguments]):
    """Cut windows out of views, magnify tiny ones, and show them as new views."""

    name: ClassVar[str] = "zoom"
    description: ClassVar[str] = (
        "Look closer: show a box of any view, or a box that a tool returned, as a new view. "
        "Small things are magnified. Boxes read in the new view are boxes of that view."
    )
    arguments: type[ZoomArguments] = ZoomArguments

    def run(self, arguments: ZoomArguments, context: ToolContext) -> ToolResult:
        """One new view per region, in the order given."""
        if len(context.book) + len(arguments.regions) > MAX_VIEWS:
            return ToolResult.failure(
                f"zoom: there are already {len(context.book)} views. Answer from what you have."
            )
        plans = [plan_zoom(region, arguments.padding, context) for region in arguments.regions]
        views = context.book.add_all(plans)
        lines = [f"view {view.index}: {view.shows}" for view in views]
        pictures = context.book
        whole = [v for v in views if v.window.area >= 0.9 * pictures[v.image].window.area]
        if whole:
            named = ", ".join(f"view {view.index}" for view in whole)
            lines.append(f"{named}: nearly the whole picture; a smaller box would show more.")
        summary = f"zoomed into {len(views)} window{'s' if len(views) > 1 else ''}"
        return ToolResult(True, "\n".join(lines), summary, views=views)


def plan_zoom(region: Region, padding: float, context: ToolContext) -> ViewPlan:
    """The view of a region, as `ViewBook.add_all` takes it.

    Raises:
        GemvgError: see `resolve_region`.
    """
    view, box = resolve_region(region, context)
    picture = context.book.picture(view.image)
    wanted = view.to_image(box.expand(padding))
    window = widen(wanted, picture.width, picture.height)
    size, magnification = raster_size(window)
    numbers = ", ".join(str(round(v)) for v in window)
    if magnification > 1.05:
        scale = f", magnified {magnification:.1f}x"
    elif magnification < 0.95:
        scale = f", reduced to {magnification:.2f}x"
    else:
        scale = ""
    around = f" (around {region.id.strip().lower()})" if region.id else ""
    return view.image, window, size, f"image {view.image}, [{numbers}]{scale}{around}"


def widen(window: Box, width: float, height: float) -> Box:
    """A window (picture pixels) grown to a showable size and moved inside the picture."""
    least = max(MIN_WINDOW, window.width / MAX_ASPECT, window.height / MAX_ASPECT)
    x1, x2 = _widen_side(window.x1, window.x2, least, width)
    y1, y2 = _widen_side(window.y1, window.y2, least, height)
    return Box(x1, y1, x2, y2)


def _widen_side(low: float, high: float, least: float, limit: float) -> tuple[float, float]:
    """An interval grown around its middle to `least` where needed, then fitted into [0, limit]."""
    low, high = max(0.0, low), min(limit, high)
    missing = least - (high - low)
    if missing > 0.0:
        low, high = low - missing / 2, high + missing / 2
        shift = max(0.0, -low) - max(0.0, high - limit)
        low, high = low + shift, high + shift
    return max(0.0, low), min(limit, high)


def raster_size(window: Box) -> tuple[tuple[int, int], float]:
    """((width, height) of the raster, its magnification) for a window in picture pixels."""
    short, long = sorted((window.width, window.height))
    factor = min(max(1.0, MIN_SIDE / short), MAX_MAGNIFICATION)
    factor = min(factor, MAX_SIDE / long)
    size = (max(1, round(window.width * factor)), max(1, round(window.height * factor)))
    return size, factor
