"""For each kind of question: every place that answers it, enumerated from the annotations.

Written apart from the builders, on purpose without their helpers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

from ...tools.boxes import Box
from .record import Instance
from .verify_changed import changed
from .verify_scene import Place, Scene, Unsettled


def _all(scene: Scene) -> list[Place]:
    places = [
        Place(k, o.box)
        for k in scene.images()
        for label in scene.meaning["labels"]
        for o in scene.of(k, label)
    ]
    if scene.meaning.get("which") and len({p.image for p in places}) != 1:
        raise Unsettled("the question speaks of one picture, others have it too")
    return places


def _phrase(scene: Scene) -> list[Place]:
    phrase = scene.meaning["phrase"]
    found = [
        Place(k, o.box)
        for k in scene.images()
        for o in scene.record(k).objects
        if phrase in o.phrases
    ]
    labels = {
        o.label for k in scene.images() for o in scene.record(k).objects if phrase in o.phrases
    }
    for k in scene.images():
        record = scene.record(k)
        if any(phrase in o.phrases for o in record.objects):
            continue
        for label in labels:
            if scene.of(k, label):
                raise Unsettled(f"image {k} has a {label} that the phrase might fit")
    return found


_KEYS: dict[str, Callable[[Box], float]] = {
    "left": lambda b: b.x1 + b.x2,
    "right": lambda b: -b.x1 - b.x2,
    "top": lambda b: b.y1 + b.y2,
    "bottom": lambda b: -b.y1 - b.y2,
    "large": lambda b: -(b.x2 - b.x1) * (b.y2 - b.y1),
    "small": lambda b: (b.x2 - b.x1) * (b.y2 - b.y1),
}


def _rank(scene: Scene) -> list[Place]:
    image, key = scene.meaning["image"], _KEYS[scene.meaning["key"]]
    nth = scene.meaning["nth"]
    objects = scene.of(image, scene.meaning["label"])
    for o in objects:
        before = [p for p in objects if p is not o and key(p.box) < key(o.box)]
        after = [p for p in objects if p is not o and key(p.box) > key(o.box)]
        if len(before) != nth - 1:
            continue
        # Neighbours must be apart by a margin: 4% of the side for places, 30% for areas.
        for other in before + after:
            gap = abs(key(other.box) - key(o.box))
            if scene.meaning["key"] in ("large", "small"):
                enough = gap >= 0.3 * min(abs(key(other.box)), abs(key(o.box)))
            else:
                record = scene.record(image)
                side = record.width if scene.meaning["key"] in ("left", "right") else record.height
                enough = gap / 2 >= 0.04 * side
            if not enough:
                raise Unsettled("two objects are too close to call")
        return [Place(image, o.box)]
    return []


def _common(scene: Scene) -> list[Place]:
    seen = {label for record in scene.records for label in record.labels | record.unsure}
    shared = {label for label in seen if not any(r.lacks(label) for r in scene.records)}
    if len(shared) != 1:
        raise Unsettled(f"the pictures may share {len(shared)} labels: {sorted(shared)[:4]}")
    (label,) = shared
    return [Place(k, o.box) for k in scene.images() for o in scene.of(k, label)]


def _pointed(scene: Scene) -> Instance:
    """The one object that the visual prompt marks."""
    prompt = scene.sample.prompts[0]
    box = Box(*prompt.box)
    found = [o for o in scene.record(prompt.image).objects if o.box.iou(box) > 0.9]
    if len({o.label for o in found}) != 1:
        raise Unsettled(f"the pointer marks {len(found)} objects")
    return max(found, key=lambda o: o.box.iou(box))


def _same_class(scene: Scene) -> list[Place]:
    label = _pointed(scene).label
    return [Place(k, o.box) for k in scene.images() for o in scene.of(k, label)]


def _same_instance(scene: Scene) -> list[Place]:
    marked = _pointed(scene)
    if marked.identity is None:
        raise Unsettled("the marked object has no identity")
    twins = [
        o
        for o in scene.record(scene.sample.prompts[0].image).objects
        if o.identity == marked.identity
    ]
    if len(twins) != 1:
        raise Unsettled("the marked object is there twice")
    for k in scene.images():
        record = scene.record(k)
        seen = any(o.identity == marked.identity for o in record.objects)
        if not seen and record.counts(marked.label) is None:
            raise Unsettled(f"whether the marked object is in image {k} is not certain")
    return [
        Place(k, o.box)
        for k in scene.images()
        for o in scene.record(k).objects
        if o.identity == marked.identity
    ]


@lru_cache(maxsize=1)
def _relations() -> dict[str, Any]:
    import yaml

    text = resources.files("gemvg.training.data").joinpath("relations.yaml").read_text("utf-8")
    return yaml.safe_load(text)


def _relation(scene: Scene) -> list[Place]:
    """Every label of the target pictures is looked up in the relations against the marked one."""
    table, relation, marked = _relations(), scene.meaning["relation"], _pointed(scene).label
    places: list[Place] = []
    for k in scene.images():
        record = scene.record(k)
        for label in record.labels | record.unsure:
            if relation == "use":
                fits = any(marked in use and label in use for use in table["use"].values())
            elif relation == "companion":
                fits = any({marked, label} == set(pair) for pair in table["companion"])
            else:
                fits = [marked, label] in table["part"]
            if fits or label == marked:
                if label == marked:
                    raise Unsettled("the marked kind itself is in the target picture")
                places += [Place(k, o.box) for o in scene.of(k, label)]
    return places


def _count(scene: Scene) -> list[Place]:
    label, by = scene.meaning["label"], scene.meaning["by"]
    objects = {k: scene.of(k, label) for k in scene.images()}
    if by == "total":
        return [Place(k, o.box) for k, found in objects.items() for o in found]
    if by == "exactly":
        fit = [k for k, found in objects.items() if len(found) == scene.meaning["number"]]
    else:
        sizes = {k: len(f) for k, f in objects.items() if f or by == "most"}
        best = (max if by == "most" else min)(sizes.values())
        fit = [k for k, size in sizes.items() if size == best]
        if by == "fewest" and len(sizes) != len(objects):
            raise Unsettled("a picture without any would have the fewest")
    if len(fit) != 1:
        raise Unsettled(f"{len(fit)} pictures fit the count")
    return [Place(fit[0], o.box) for o in objects[fit[0]]]


def _more(scene: Scene) -> list[Place]:
    label, than = scene.meaning["label"], scene.meaning["than"]
    fit = [k for k in scene.images() if len(scene.of(k, label)) > len(scene.of(k, than))]
    if len(fit) != 1:
        raise Unsettled(f"{len(fit)} pictures have more")
    return [Place(fit[0], o.box) for o in scene.of(fit[0], label)]


def _colour(scene: Scene) -> list[Place]:
    label, colour = scene.meaning["label"], scene.meaning["colour"]
    return [
        Place(k, o.box) for k in scene.images() for o in scene.of(k, label) if o.colour == colour
    ]


def _share(scene: Scene) -> list[Place]:
    found = [
        (o.box.area / (scene.record(k).width * scene.record(k).height), Place(k, o.box))
        for k in scene.images()
        for o in scene.of(k, scene.meaning["label"])
    ]
    found.sort(key=lambda item: item[0], reverse=scene.meaning["by"] == "largest")
    shares = [share for share, _ in found]
    if len(shares) > 1 and max(shares[:2]) < 1.3 * min(shares[:2]):
        raise Unsettled("two are too alike in size")
    return [found[0][1]]


def _beside(scene: Scene) -> list[Place]:
    image, side = scene.meaning["image"], scene.meaning["side"]
    anchors = scene.of(image, scene.meaning["anchor"])
    if len(anchors) != 1:
        raise Unsettled(f"{len(anchors)} anchors")
    key = _KEYS[side]
    return [
        Place(image, o.box)
        for o in scene.of(image, scene.meaning["label"])
        if key(o.box) < key(anchors[0].box)
    ]


def _without(scene: Scene) -> list[Place]:
    return [
        Place(k, o.box)
        for k in scene.images()
        if not scene.of(k, scene.meaning["lacking"])
        for o in scene.of(k, scene.meaning["label"])
    ]


def _region(scene: Scene) -> list[Place]:
    """Only the pixels can say; `verify_pixels.py` does."""
    return [Place(b.image, Box(*b.box)) for b in scene.sample.answer]


RULES: Mapping[str, Callable[[Scene], list[Place]]] = {
    "all": _all, "phrase": _phrase, "rank": _rank, "common": _common, "same-class": _same_class,
    "same-instance": _same_instance, "relation": _relation, "count": _count, "more": _more,
    "colour": _colour, "share": _share, "beside": _beside, "without": _without,
    "region": _region, "changed": changed,
}  # fmt: skip
