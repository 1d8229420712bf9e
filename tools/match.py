"""`match`: where the content of a view, or of a box in it, lies in other views."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from .boxes import Box, GroundedBox
from .matching.locate import SURE, Placement, locate, locate_small, may_be_small
from .matching.rasters import Raster, make_raster, map_box
from .tool import (
    Region,
    Tool,
    ToolArguments,
    ToolContext,
    ToolResult,
    describe_box,
    resolve_region,
    resolve_views,
)
from .views import View

WORK_SIDE = 1024
"""Longest side of the rasters that are matched first, pixels."""

FINE_SIDE = 4096
"""Longest side of the rasters in which small contents of large pictures are sought, pixels."""

MIN_SOURCE = 8.0
"""Least side of a source, picture pixels."""


class MatchArguments(ToolArguments):
    """Arguments of `match`."""

    source: Annotated[Region, Field(description="What to look for.")]
    views: Annotated[
        tuple[Annotated[int, Field(ge=1, le=10_000)], ...] | None,
        Field(max_length=256, description="Where to look; null means every other picture."),
    ] = None


class Match(Tool[MatchArguments]):
    """Find a crop, a close-up, or a copied part in other pictures by its pixels."""

    name: ClassVar[str] = "match"
    description: ClassVar[str] = (
        "Find where the very same content (a crop, a close-up, a resized, recompressed or mirrored "
        "copy) lies in other views. It compares pixels: another photograph of the same kind of "
        "thing is not found."
    )
    arguments: type[MatchArguments] = MatchArguments

    def run(self, arguments: MatchArguments, context: ToolContext) -> ToolResult:
        """At most one box per view, best first."""
        view, box = resolve_region(arguments.source, context)
        window = view.to_image(box)
        targets = self._targets(arguments, view, context)
        if not targets:
            return ToolResult.failure(
                "match: there is no other picture to look in. Name the views to look in."
            )
        if min(window.width, window.height) < MIN_SOURCE:
            return ToolResult.failure(
                f"match: the source is {window.width:.0f} x {window.height:.0f} pixels of image "
                f"{view.image}, too small to recognise. Give a larger box."
            )
        source = make_raster(context.book.picture(view.image), window, WORK_SIDE)
        found = self._look(source, view.image, targets, context)
        return report(found, targets, context)

    def _look(
        self, source: Raster, image: int, targets: list[View], context: ToolContext
    ) -> list[Found]:
        """Every target at a working size; those of many pixels again in full where need be.

        A content that is only tens of pixels wide in a picture of many megapixels is lost in the
        reduced picture; so where it is found for sure in none but `image`, its own, the rest are
        searched in full, one at a time.
        """
        found: list[Found] = []
        again: list[tuple[View, float]] = []
        for target in targets:
            raster = make_raster(context.book.picture(target.image), target.window, WORK_SIDE)
            placement = locate(source, raster)
            if placement is not None:
                found.append((target, ground(placement, raster, target), placement))
            elif may_be_small(source, raster):
                again.append((target, float(raster.width)))
        # That the source is surely in its own picture says nothing of the others.
        if any(place.score >= SURE and view.image != image for view, _, place in found):
            return found
        for target, width in again:
            raster = make_raster(context.book.picture(target.image), target.window, FINE_SIDE)
            placement = locate_small(source, raster, width / raster.width)
            if placement is not None:
                found.append((target, ground(placement, raster, target), placement))
        return found

    def _targets(self, arguments: MatchArguments, source: View, context: ToolContext) -> list[View]:
        """The views to look in, the source's own view left out."""
        views = resolve_views(arguments.views, context)
        if arguments.views is None:
            return [v for v in views if v.image != source.image]
        return [v for v in views if v.index != source.index or arguments.source.box is not None]


Found = tuple[View, GroundedBox, Placement]
"""A view, the box in its picture, and how it was found."""


def ground(placement: Placement, raster: Raster, target: View) -> GroundedBox:
    """A placement as a box of its picture."""
    box = map_box(raster.to_picture(), placement.box)
    limit = target.window
    inside = box.intersect(Box(limit.x1, limit.y1, limit.x2, limit.y2))
    return GroundedBox(target.image, inside, "match", round(min(1.0, placement.score), 4), "match")


def report(found: list[Found], targets: list[View], context: ToolContext) -> ToolResult:
    """The result in words and boxes."""
    where = ", ".join(target.shows for target in targets)
    if not found:
        return ToolResult(
            True,
            f"match: the content was not found in {where}. It is not there as the same pixels; "
            "for other things of its kind use detect.",
            f"not found in {len(targets)} view{'s' if len(targets) > 1 else ''}",
        )
    found.sort(key=lambda item: -item[2].logit)
    named = tuple((context.boxes.add(box), box) for _, box, _ in found)
    lines: list[str] = []
    for (name, box), (target, _, placement) in zip(named, found, strict=True):
        notes = [f"seen in view {target.index}"] if target.index != target.image else []
        notes += ["mirrored"] if placement.mirrored else []
        lines.append(describe_box(name, box) + (f" ({', '.join(notes)})" if notes else ""))
    missing = [t.shows for t in targets if t.index not in {view.index for view, _, _ in found}]
    if missing:
        lines.append(f"not found in {', '.join(missing)}")
    summary = f"found in image {', '.join(str(box.image) for _, box, _ in found)}"
    return ToolResult(True, "\n".join(lines), summary, boxes=named)
