"""Builders on cases worked out by hand, and on many random drafts checked by brute force."""

from collections.abc import Collection, Mapping
from random import Random
from typing import Any

import pytest

from gemvg.tools.boxes import Box
from gemvg.training.data.builders import (
    common,
    comparing,
    correspondence,
    counting,
    retrieval,
    tracking,
)
from gemvg.training.data.builders.base import Desk, Draft, relative
from gemvg.training.data.builders.registry import BUILDERS
from gemvg.training.data.builders.spatial import clearly_before, first_by, ranked, stands
from gemvg.training.data.record import Instance, Record
from gemvg.training.data.sample import ImageRef, Sample, TruthBox, targets_of
from gemvg.training.data.shots import Shot
from gemvg.training.data.teacher.traces import trace_of
from gemvg.training.data.verify import verify_sample
from gemvg.training.data.verify_scene import Scene
from tests.training.data_fixtures import Shapes, scene_pool

SIZE = (400, 300)


def record(name: str, *objects: tuple[str, tuple[int, int, int, int]], **more: Any) -> Record:
    found = tuple(Instance(label, Box(*map(float, box))) for label, box in objects)
    return Record(name, "r", f"{name}.jpg", *SIZE, objects=found, **more)


# Three dogs left to right, of areas 3600, 900, 6400; a cat above the middle dog.
DOGS = record(
    "dogs", ("dog", (10, 200, 70, 260)), ("dog", (150, 200, 180, 230)),
    ("dog", (300, 200, 380, 280)), ("cat", (150, 20, 190, 60)),
)  # fmt: skip
ONE_DOG = record("one", ("dog", (100, 100, 200, 200)), ("chair", (250, 100, 300, 200)))
NO_DOG = record("none", ("cat", (10, 10, 90, 90)), ("cat", (200, 10, 260, 70)))
TWO_CATS_ONE_DOG = record(
    "both", ("cat", (0, 0, 50, 50)), ("cat", (300, 0, 350, 50)), ("dog", (100, 200, 180, 280))
)


class ListPool:
    """Gives the listed records that fit, in order of their names."""

    name = "list"
    made = False

    def __init__(self, *records: Record, first: str = "dog", then: tuple[str, ...] = ()) -> None:
        self.records = records
        self._labels = [first, *then]
        self.labels = tuple(sorted({label for r in records for label in r.labels}))

    def label(self, rng: Random) -> str:
        label = self._labels.pop(0)
        self._labels.append(label)
        return label

    def kin(self, label: str) -> tuple[str, ...]:
        return ()

    def clash(self, a: str, b: str) -> bool:
        return a == b

    def draw(
        self,
        rng: Random,
        have: Mapping[str, int | None],
        lack: Collection[str] = (),
        avoid: Collection[str] = (),
    ) -> Shot | None:
        for r in self.records:
            fits = all((r.counts(k) or 0) == n if n else bool(r.counts(k)) for k, n in have.items())
            if r.name not in avoid and fits and all(r.lacks(x) for x in lack):
                return Shot(r)
        return None


def drafts(form: Any, pool: ListPool, number: int = 60, **options: Any) -> list[Draft]:
    found = [form(Random(k), Desk(pool, None, options)) for k in range(number)]
    return [d for d in found if d is not None]


def answer(draft: Draft) -> set[tuple[int, tuple[float, ...]]]:
    return {(b.image, b.box) for b in draft.answer}


def names(draft: Draft) -> list[str]:
    return [s.record.name for s in draft.shots]


def test_every_dog_by_hand() -> None:
    pool = ListPool(DOGS, ONE_DOG, NO_DOG, first="dog", then=("cat",))
    found = drafts(retrieval._every, pool, images=[3, 3])
    found = [d for d in found if d.meaning["labels"] == ["dog"]]
    assert found
    for draft in found:
        wanted = {
            (names(draft).index(name) + 1, box)
            for name, boxes in (
                ("dogs", [(10, 200, 70, 260), (150, 200, 180, 230), (300, 200, 380, 280)]),
                ("one", [(100, 100, 200, 200)]),
            )
            if name in names(draft)
            for box in boxes
        }
        assert answer(draft) == wanted


@pytest.mark.parametrize(
    ("key", "nth", "box"),
    [("left", 1, (10, 200, 70, 260)), ("left", 2, (150, 200, 180, 230)),
     ("right", 1, (300, 200, 380, 280)), ("large", 1, (300, 200, 380, 280)),
     ("small", 1, (150, 200, 180, 230))],
)  # fmt: skip
def test_ranks_by_hand(key: str, nth: int, box: tuple[int, ...]) -> None:
    pool = ListPool(DOGS, NO_DOG, ONE_DOG)
    found = [
        d
        for d in drafts(retrieval._rank, pool, 900)
        if (d.meaning["key"], d.meaning["nth"]) == (key, nth)
    ]
    assert found
    for draft in found:
        assert names(draft)[draft.meaning["image"] - 1] == "dogs"
        assert answer(draft) == {(draft.meaning["image"], box)}


def test_top_is_never_asked_of_a_row() -> None:
    pool = ListPool(DOGS, NO_DOG, ONE_DOG)
    keys = {d.meaning["key"] for d in drafts(retrieval._rank, pool, 300)}
    assert "top" not in keys and "left" in keys


def test_most_and_exactly_by_hand() -> None:
    pool = ListPool(DOGS, ONE_DOG, NO_DOG)
    seen = set()
    for draft in drafts(counting.most_or_fewest, pool, 400, images=[2, 3]):
        wanted = "dogs" if draft.meaning["by"] == "most" else "one"
        if "dogs" in names(draft):
            image = names(draft).index(wanted) + 1
            assert {b.image for b in draft.answer} == {image}
            assert draft.text == ("3" if wanted == "dogs" else "1")
            seen.add(draft.meaning["by"])
    assert seen == {"most", "fewest"}
    for draft in drafts(counting.exactly, pool, 200):
        assert draft.text == str(draft.meaning["number"]) == str(len(draft.answer))


def test_how_many_by_hand() -> None:
    pool = ListPool(DOGS, ONE_DOG, NO_DOG)
    texts = {(tuple(sorted(names(d))), d.text) for d in drafts(counting.how_many, pool, 400)}
    assert (("dogs", "one"), "4") in texts
    assert all(text == "3" for found, text in texts if found == ("dogs", "none"))


def test_beside_by_hand() -> None:
    pool = ListPool(DOGS, NO_DOG, ONE_DOG, first="dog", then=("cat",))
    expected = {
        "left": {(10, 200, 70, 260)}, "right": {(300, 200, 380, 280)}, "top": set(),
        "bottom": {(10, 200, 70, 260), (150, 200, 180, 230), (300, 200, 380, 280)},
    }  # fmt: skip
    found = drafts(comparing.beside, pool, 200, images=[2, 2])
    assert {d.meaning["side"] for d in found if d.meaning["label"] == "dog"} == {"top", "bottom"}
    for draft in found:
        if draft.meaning["label"] != "dog":
            continue
        boxes = {b.box for b in draft.answer}
        # The middle dog stands under the cat: left or right of it could be argued about.
        assert draft.meaning["side"] in ("top", "bottom")
        assert boxes == expected[draft.meaning["side"]]


def test_without_and_except_by_hand() -> None:
    pool = ListPool(TWO_CATS_ONE_DOG, ONE_DOG, DOGS, first="dog", then=("cat",))
    for draft in drafts(comparing.without, pool, 100):
        if draft.meaning["label"] == "dog":
            assert answer(draft) == {(names(draft).index("one") + 1, (100, 100, 200, 200))}
    for draft in drafts(comparing.except_one, pool, 50, images=[2, 2]):
        assert draft.meaning["except"] not in {b.image for b in draft.answer}


def test_nothing_is_asked_of_a_crowd() -> None:
    crowd = record("crowd", ("dog", (0, 0, 50, 50)), unsure=frozenset({"dog"}))
    assert crowd.counts("dog") is None and not crowd.lacks("dog")
    assert drafts(retrieval._every, ListPool(crowd, crowd)) == []


def test_margins() -> None:
    a, b = Box(0, 0, 10, 10), Box(3, 0, 13, 10)
    assert not clearly_before(a, b, "left", (200, 200))
    assert clearly_before(a, b.shift(40, 0), "left", (200, 200))
    assert not clearly_before(Box(0, 0, 10, 10), Box(0, 0, 11, 10), "large", SIZE)
    near = [Instance("dog", a), Instance("dog", b)]
    assert first_by(near, "left", (200, 200)) is None and ranked(near, "left", (200, 200)) is None
    assert stands(Box(0, 0, 10, 10), Box(20, 0, 40, 10), "left") is True
    assert stands(Box(50, 0, 60, 10), Box(20, 0, 40, 10), "left") is False
    assert stands(Box(15, 0, 30, 10), Box(20, 0, 40, 10), "left") is None


def sample_of(draft: Draft, task: str, demand: str) -> Sample:
    refs = [
        ImageRef(file=f"{k}.jpg", width=s.record.width, height=s.record.height)
        for k, s in enumerate(draft.shots, 1)
    ]
    return Sample(
        id="x", task=task, demand=demand, question=draft.question, images=refs,  # type: ignore[arg-type]
        answer=draft.answer, targets=targets_of(len(draft.answer)), meaning=draft.meaning,
        prompts=draft.prompts, text=draft.text, source="s", licence="l",
    )  # fmt: skip


@pytest.mark.parametrize("task", sorted(BUILDERS))
def test_random_drafts_pass_the_brute_force_check(task: str) -> None:
    builder, pool, checked = BUILDERS[task], scene_pool(), 0
    for seed in range(400):
        draft = builder.build(Random(f"{task}{seed}"), Desk(pool, Shapes()))
        if draft is None:
            continue
        sample = sample_of(draft, builder.task, builder.demand)
        notes = tuple(s.notes for s in draft.shots)
        scene = Scene(sample, tuple(s.record for s in draft.shots), notes)
        assert verify_sample(sample, scene) == []
        trace = trace_of(draft)
        assert (trace is not None) <= draft.thinks
        if trace is not None and draft.answer:
            box = draft.answer[0]
            assert relative(Box(*box.box), draft.shots[box.image - 1].size) in trace
        checked += 1
        if checked == 30:
            break
    assert checked == 30


@pytest.mark.parametrize("task", ["retrieval", "difference", "tracking"])
def test_the_same_seed_gives_the_same_draft(task: str) -> None:
    build = BUILDERS[task].build
    first, second = (build(Random(5), Desk(scene_pool(), Shapes())) for _ in range(2))
    assert (first is None) == (second is None)
    if first is not None and second is not None:
        assert first.question == second.question and first.answer == second.answer
        for a, b in zip(first.shots, second.shots, strict=True):
            assert a.pixels is not None and b.pixels is not None and (a.pixels == b.pixels).all()


def test_a_wrong_builder_would_be_noticed() -> None:
    """The brute-force check must not share the builders' blind spots."""
    for seed in range(200):
        draft = BUILDERS["retrieval"].build(Random(seed), Desk(scene_pool(), Shapes()))
        if draft is not None and len(draft.answer) > 1:
            break
    else:
        pytest.fail("no draft")
    notes = tuple(s.notes for s in draft.shots)
    draft.answer.pop()
    sample = sample_of(draft, "retrieval", "referential")
    assert verify_sample(sample, Scene(sample, tuple(s.record for s in draft.shots), notes))


def test_a_trace_of_many_tells_what_decides() -> None:
    dogs = [("dog", (20 * k, 10, 20 * k + 10 + k, 30)) for k in range(9)]
    large = Box(200, 100, 300, 250)
    pool = ListPool(record("many", *dogs, ("dog", (200, 100, 300, 250))), ONE_DOG)
    found = drafts(comparing.size, pool, images=[2, 2])
    trace = trace_of(next(d for d in found if d.meaning["by"] == "largest")) or ""
    # Among the shares, of which not all are told, and in the conclusion.
    assert trace.count(relative(large, SIZE)) == 2 and "and more" in trace
    every = Draft("?", [Shot(record("all", *dogs))], [], {"op": "common"}, thinks=True)
    every.answer.extend(TruthBox.of(1, Box(*map(float, box)), "dog") for _, box in dogs)
    assert (trace_of(every) or "").endswith(" and more.")


def frames(unsure: frozenset[str]) -> list[Shot]:
    """Two walkers; the first has no box in the last frame, of which labels may be unsure."""
    first = Instance("pedestrian", Box(50, 50, 120, 250), identity="c:1")
    second = Instance("pedestrian", Box(200, 50, 270, 250), identity="c:2")
    seen = ((first, second), (first, second), (second,))
    return [
        Shot(Record(str(k), "r", f"{k}.jpg", *SIZE, objects=objects, unsure=unsure))
        for k, objects in enumerate(seen)
    ]


def in_every_frame(shots: list[Shot]) -> list[Draft]:
    found = [tracking._everywhere(Random(k), Desk(ListPool()), list(shots)) for k in range(20)]
    return [d for d in found if d is not None]


def test_an_object_that_may_be_half_hidden_is_not_asked_for_in_every_frame() -> None:
    sure, unsure = frames(frozenset()), frames(frozenset({"pedestrian"}))
    assert {len(d.answer) for d in in_every_frame(sure)} == {1, 2}
    assert {len(d.answer) for d in in_every_frame(unsure)} == {2}
    # The check does not take the builder's word for it.
    draft = next(d for d in in_every_frame(sure) if len(d.answer) == 1)
    sample = sample_of(draft, "tracking", "temporal")
    for shots, words in ((sure, []), (unsure, ["whether the marked object is in image 3"])):
        found = verify_sample(sample, Scene(sample, tuple(s.record for s in shots), ({},) * 3))
        assert [text[: len(words[0])] for text in found] == words


def test_what_nobody_looked_for_may_be_common_too() -> None:
    """LVIS says of each picture which classes were looked for in it."""
    first = record("a", ("dog", (10, 10, 90, 90)), ("chair", (200, 10, 260, 70)))
    for looked, asked in ((frozenset({"chair"}), True), (frozenset[str](), False)):
        second = record("b", ("dog", (10, 10, 90, 90)), known=looked)
        found = drafts(common.build, ListPool(first, second, first="dog"), images=[2, 2])
        assert bool(found) is asked
        draft = Draft("what do they share?", [Shot(first), Shot(second)], [], {"op": "common"})
        sample = sample_of(draft, "common", "semantic")
        findings = verify_sample(sample, Scene(sample, (first, second), ({}, {})))
        assert any("may share" in text for text in findings) is not asked


def test_what_nobody_looked_for_may_answer_a_relation_too() -> None:
    spot = (10, 10, 90, 90)
    desk = Desk(ListPool(record("all", ("bottle", spot), ("cup", spot), ("wine glass", spot))))
    related = desk.relations.related("cup", "use")
    assert "wine glass" in related
    for known, sure in ((related | {"cup"}, True), (frozenset({"cup"}), False)):
        shot = Shot(record("a", ("wine glass", spot), known=known))
        answers = correspondence._answers(desk, shot, "cup", "use")
        assert answers == ({"wine glass"}, sure)
