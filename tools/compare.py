"""`compare`: what changed between two near-aligned pictures."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from .boxes import Box, GroundedBox
from .matching.change import Change, find_changes
from .matching.rasters import Matrix, Raster, make_raster, map_box
from .matching.register import both_show, register, warp_onto
from .tool import Tool, ToolArguments, ToolContext, ToolResult, describe_box, resolve_views
from .views import View

WORK_SIDE = 800
"""Longest side of the rasters that are compared, pixels."""

MAX_CHANGES = 12
"""How many changed regions are returned at most."""


class CompareArguments(ToolArguments):
    """Arguments of `compare`."""

    first: Annotated[int, Field(ge=1, le=10_000, description="Index of a view.")]
    second: Annotated[int, Field(ge=1, le=10_000, description="Index of the other view.")]
    report: Annotated[
        Literal["second", "first", "both"],
        Field(description="In which of the two the changed regions are reported."),
    ] = "second"


class Compare(Tool[CompareArguments]):
    """Find the changed regions of two pictures of one scene."""

    name: ClassVar[str] = "compare"
    description: ClassVar[str] = (
        "Compare two views of the same scene, also where the camera moved a little: boxes around "
        "what changed, best first. Light, blur and compression are not changes."
    )
    arguments: type[CompareArguments] = CompareArguments

    def run(self, arguments: CompareArguments, context: ToolContext) -> ToolResult:
        """Register the second view onto the first, then box what differs."""
        if arguments.first == arguments.second:
            return ToolResult.failure("compare: name two different views.")
        view_a, view_b = resolve_views((arguments.first, arguments.second), context)
        a, b = (
            make_raster(context.book.picture(v.image), v.window, WORK_SIDE)
            for v in (view_a, view_b)
        )
        registration = register(a, b)
        if registration is None:
            return ToolResult.failure(
                f"compare: {view_a.shows} and {view_b.shows} do not show the same scene, so they "
                "can't be laid over each other. Look at each with detect or zoom instead."
            )
        warped = warp_onto(b.rgb, registration.matrix, (a.width, a.height))
        inside = both_show(a, b, registration.matrix)
        changes = find_changes(a.rgb, warped, inside)[:MAX_CHANGES]
        named = self._register_boxes(
            changes, arguments, (view_a, a), (view_b, b), registration.matrix, context
        )
        pair = f"{view_a.shows} and {view_b.shows}"
        if not named:
            return ToolResult(
                True,
                f"compare: nothing changed between {pair} beyond light and compression.",
                "no change",
            )
        lines = [describe_box(name, box) for name, box in named]
        summary = f"{len(changes)} changed region{'s' if len(changes) > 1 else ''}"
        data = {"agreement": round(registration.agreement, 3)}
        return ToolResult(True, "\n".join(lines), summary, boxes=named, data=data)

    def _register_boxes(
        self,
        changes: list[Change],
        arguments: CompareArguments,
        first: tuple[View, Raster],
        second: tuple[View, Raster],
        matrix: Matrix,
        context: ToolContext,
    ) -> tuple[tuple[str, GroundedBox], ...]:
        """Every change as boxes of the pictures that were asked for."""
        identity = np.eye(3)
        wanted = [(*second, matrix), (*first, identity)]
        if arguments.report != "both":
            wanted = wanted[:1] if arguments.report == "second" else wanted[1:]
        named: list[tuple[str, GroundedBox]] = []
        for change in changes:
            for view, raster, onto in wanted:
                box = map_box(raster.to_picture() @ onto, change.box).intersect(view.window)
                if Box(*box).is_valid:
                    grounded = GroundedBox(view.image, box, "change", change.score, "change")
                    named.append((context.boxes.add(grounded), grounded))
        return tuple(named)
