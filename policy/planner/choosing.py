"""Applying places, sizes and relations to the boxes that the detector found in one picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ...tools.boxes import Box, GroundedBox
from .question import Key, Phrase, Relation, Selection


@dataclass(frozen=True, slots=True)
class Found:
    """A tool's box with its id in the episode."""

    id: str
    box: GroundedBox

    @property
    def score(self) -> float:
        """The tool's score, 0 where it gave none."""
        return self.box.score or 0.0


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture: its size in pixels, and for each noun what was found there, best first."""

    width: float
    height: float
    found: Mapping[str, Sequence[Found]]

    def of(self, phrase: Phrase) -> list[Found]:
        """Everything that goes by the phrase's noun."""
        return list(self.found.get(phrase.noun, ()))


def choose(phrase: Phrase, scene: Scene) -> list[Found]:
    """The boxes of one picture that a phrase means: relations first, then places and sizes."""
    pool = scene.of(phrase)
    for relation in phrase.relations:
        pool = _related(pool, relation, phrase, scene)
    sides = [s for s in phrase.selections if s.side]
    extremes = [s for s in phrase.selections if not s.side]
    one = not phrase.plural and (phrase.definite or phrase.quantity == 1)
    for side in sides:
        if extremes or phrase.plural or (phrase.quantity or 1) > 1 or not one:
            pool = on_side(pool, side, scene)
        else:
            pool = ordered(pool, side, scene)[:1]
    for selection in extremes:
        pool = select(pool, selection, phrase.quantity or 1, scene)
    if not phrase.selections and not phrase.relations:
        pool = _as_many_as_meant(pool, phrase)
    return pool


def _as_many_as_meant(pool: list[Found], phrase: Phrase) -> list[Found]:
    """`the two dogs` are the best two; `the dog` shuts out boxes much weaker than the best."""
    best_first = sorted(pool, key=lambda f: -f.score)
    if phrase.quantity is not None:
        return best_first[: phrase.quantity]
    if phrase.definite and not phrase.plural and best_first:
        return [f for f in best_first if f.score >= CLEARLY_WEAKER * best_first[0].score]
    return best_first


CLEARLY_WEAKER = 0.6
"""Of one thing that is spoken of as one, a box below this share of the best score is another."""


def select(pool: Sequence[Found], selection: Selection, quantity: int, scene: Scene) -> list[Found]:
    """The rank-th (and following, up to `quantity`) of the pool in the selection's order."""
    line = ordered(pool, selection, scene)
    if selection.rank < 0:
        end = len(line) + selection.rank + 1
        return line[max(0, end - quantity) : max(0, end)]
    return line[selection.rank - 1 : selection.rank - 1 + quantity]


def ordered(pool: Sequence[Found], selection: Selection, scene: Scene) -> list[Found]:
    """The pool with the wanted end first."""
    measure = _MEASURES[selection.key]
    return sorted(pool, key=lambda f: (measure(f.box.box, scene), -f.score))


def select_across(
    pool: Sequence[Found], selection: Selection, quantity: int, scenes: Mapping[int, Scene]
) -> list[Found]:
    """As `select`, over several pictures: sizes are shares of the picture that a box is in.

    Args:
        pool: boxes, in pixels of their pictures.
        selection: by size.
        quantity: how many.
        scenes: the pictures, by 1-based index.
    """

    def relative(found: Found) -> Found:
        scene, box = scenes[found.box.image], found.box.box
        unit = Box(box.x1 / scene.width, box.y1 / scene.height,
                   box.x2 / scene.width, box.y2 / scene.height)  # fmt: skip
        return replace(found, box=replace(found.box, box=unit))

    own = {found.id: found for found in pool}
    line = select([relative(f) for f in pool], selection, quantity, Scene(1.0, 1.0, {}))
    return [own[found.id] for found in line]


def on_side(pool: Sequence[Found], selection: Selection, scene: Scene) -> list[Found]:
    """What lies in the half (of the middle: the middle third) that the selection names.

    Boxes hold no depth: in the foreground is what is at least half as large as the largest.
    """
    keep: list[Found] = []
    half = 0.5 * max((f.box.box.area for f in pool), default=0.0)
    for found in pool:
        x, y = found.box.box.center
        u, v = x / scene.width, y / scene.height
        inside = {
            "left": u < 0.5, "right": u > 0.5, "top": v < 0.5, "bottom": v > 0.5,
            "top-left": u < 0.5 and v < 0.5, "top-right": u > 0.5 and v < 0.5,
            "bottom-left": u < 0.5 and v > 0.5, "bottom-right": u > 0.5 and v > 0.5,
            "center": abs(u - 0.5) < 0.2,
            "largest": found.box.box.area >= half, "smallest": found.box.box.area < half,
        }.get(selection.key, True)  # fmt: skip
        if inside:
            keep.append(found)
    return keep


def _corner(u: float, v: float) -> Callable[[Box, Scene], float]:
    def distance(box: Box, scene: Scene) -> float:
        x, y = box.center
        return math.hypot(x / scene.width - u, y / scene.height - v)

    return distance


_MEASURES: dict[Key, Callable[[Box, Scene], float]] = {
    "left": lambda box, scene: box.center[0],
    "right": lambda box, scene: -box.center[0],
    "top": lambda box, scene: box.center[1],
    "bottom": lambda box, scene: -box.center[1],
    "center": _corner(0.5, 0.5),
    "top-left": _corner(0.0, 0.0),
    "top-right": _corner(1.0, 0.0),
    "bottom-left": _corner(0.0, 1.0),
    "bottom-right": _corner(1.0, 1.0),
    "largest": lambda box, scene: -box.area,
    "smallest": lambda box, scene: box.area,
    "tallest": lambda box, scene: -box.height,
    "shortest": lambda box, scene: box.height,
    "widest": lambda box, scene: -box.width,
    "narrowest": lambda box, scene: box.width,
}


def _related(pool: list[Found], relation: Relation, phrase: Phrase, scene: Scene) -> list[Found]:
    """Those of the pool that stand in a relation to a landmark, the closest first."""
    known = [mark for mark in relation.landmarks if mark.noun in scene.found]
    if not known or (relation.kind == "between" and len(known) < len(relation.landmarks)):
        return pool
    marks = [choose(replace(mark, definite=False), scene) for mark in known]
    flat = [found for group in marks for found in group]
    if relation.kind == "between":
        held = _between(pool, marks)
    elif relation.kind == "with":
        held = _with(pool, flat)
    elif relation.kind == "held by":
        held = _held_by(pool, flat, phrase.generic)
    elif relation.kind in ("nearest to", "farthest from"):
        return _by_distance(pool, flat, relation.kind == "farthest from", phrase.quantity or 1)
    else:
        test = _TESTS[relation.kind]
        held = [f for f in pool if any(m.id != f.id and test(f.box.box, m.box.box) for m in flat)]
    if relation.negated:
        kept = {f.id for f in held}
        return [f for f in pool if f.id not in kept]
    if not phrase.plural and phrase.definite and not phrase.selections and held:
        return sorted(held, key=lambda f: _distance_to(f, flat))[: phrase.quantity or 1]
    return held


def _by_distance(pool: list[Found], marks: list[Found], far: bool, quantity: int) -> list[Found]:
    others = [f for f in pool if f.id not in {m.id for m in marks}] or pool
    if not marks:
        return []
    sign = -1.0 if far else 1.0
    return sorted(others, key=lambda f: sign * _distance_to(f, marks))[:quantity]


def _distance_to(found: Found, marks: Sequence[Found]) -> float:
    """Gap to the nearest landmark, then distance of the middles, in pixels."""
    x, y = found.box.box.center
    distances: list[float] = []
    for mark in marks:
        if mark.id != found.id:
            mx, my = mark.box.box.center
            distances.append(gap(found.box.box, mark.box.box) + 0.1 * math.hypot(x - mx, y - my))
    return min(distances, default=math.inf)


def gap(a: Box, b: Box) -> float:
    """Distance between the edges of two boxes; 0 where they touch or overlap."""
    dx = max(0.0, max(a.x1, b.x1) - min(a.x2, b.x2))
    dy = max(0.0, max(a.y1, b.y1) - min(a.y2, b.y2))
    return math.hypot(dx, dy)


def _across(a: Box, b: Box) -> float:
    """Share of the narrower box's width that the two have in common."""
    common = min(a.x2, b.x2) - max(a.x1, b.x1)
    return common / max(1e-6, min(a.width, b.width))


def _inside(a: Box, b: Box) -> float:
    """Share of a's area that lies in b."""
    common = a.intersect(b)
    return common.area / max(1e-6, a.area)


def _size(box: Box) -> float:
    return math.sqrt(max(box.area, 1e-6))


def _on(a: Box, b: Box) -> bool:
    """A rests on b: shared columns, and a's foot within b's extent."""
    slack = 0.15 * _size(a)
    return _across(a, b) > 0.3 and b.y1 - slack <= a.y2 <= b.y2 + slack and a.y1 < b.center[1]


def _next_to(a: Box, b: Box) -> bool:
    return gap(a, b) <= 0.5 * (_size(a) + _size(b)) / 2


_TESTS: dict[str, Callable[[Box, Box], bool]] = {
    "left of": lambda a, b: a.center[0] < b.center[0] and a.x1 < b.x1,
    "right of": lambda a, b: a.center[0] > b.center[0] and a.x2 > b.x2,
    "above": lambda a, b: a.center[1] < b.center[1] and a.y1 < b.y1 and _across(a, b) > 0,
    "below": lambda a, b: a.center[1] > b.center[1] and a.y2 > b.y2 and _across(a, b) > 0,
    "on": _on,
    "in": lambda a, b: _inside(a, b) > 0.6 and a.area < b.area,
    "bearing": lambda a, b: _on(b, a),
    "containing": lambda a, b: _inside(b, a) > 0.6 and b.area < a.area,
    "next to": _next_to,
    # Depth can't be seen in boxes; on ground that is level, what is nearer stands lower.
    "behind": lambda a, b: a.y2 < b.y2 and gap(a, b) <= _size(b),
    "in front of": lambda a, b: a.y2 > b.y2 and gap(a, b) <= _size(b),
}


def _with(pool: Sequence[Found], marks: Sequence[Found]) -> list[Found]:
    """Those that hold, wear or ride a landmark: each landmark goes to the one it overlaps most."""
    held: dict[str, Found] = {}
    for mark in marks:
        rivals = [
            (max(_inside(mark.box.box, f.box.box.expand(0.1)), f.box.box.iou(mark.box.box)), f)
            for f in pool
            if f.id != mark.id
        ]
        best = max(rivals, key=lambda pair: pair[0], default=None)
        if best is not None and best[0] > 0.15:
            held[best[1].id] = best[1]
    return [f for f in pool if f.id in held]


def _held_by(pool: Sequence[Found], marks: Sequence[Found], anything: bool) -> list[Found]:
    """Those that a landmark holds, wears or rides; of `anything` what lies in it to a good part."""
    ids = {mark.id for mark in marks}
    least = 0.3 if anything else 0.15
    return [
        f
        for f in pool
        if f.id not in ids and any(_inside(f.box.box, m.box.box.expand(0.1)) > least for m in marks)
    ]


def _between(pool: Sequence[Found], groups: Sequence[Sequence[Found]]) -> list[Found]:
    """Those whose middle lies between two landmarks, across or in height."""
    firsts = groups[0]
    seconds = groups[1] if len(groups) > 1 else groups[0]
    held: list[Found] = []
    for found in pool:
        x, y = found.box.box.center
        for a in firsts:
            for b in seconds:
                if len({a.id, b.id, found.id}) < 3:
                    continue
                (ax, ay), (bx, by) = a.box.box.center, b.box.box.center
                wide = abs(ax - bx) >= abs(ay - by)
                if min(ax, bx) < x < max(ax, bx) if wide else min(ay, by) < y < max(ay, by):
                    held.append(found)
    return list({f.id: f for f in held}.values())
