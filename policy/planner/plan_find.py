"""The plans that go through the detector: named things, and the thing that all pictures share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ...tools.views import View, ViewBook
from ..weighing import EXPECTED, LOOK, SURE, of_several, shared_kinds, sure_or_best
from . import wording
from .choosing import Found, Scene, choose, select_across
from .known import is_known
from .plans import Call, Outcome, Plan, Trail, look_for_kinds, require
from .question import BY_SIZE, Condition, Phrase, Question, Target
from .seen import Seen, require_looked_for

SALIENT = 0.005
"""Share of the picture below which a box does not count in a choice by place or size."""

SAME_THING = 0.7
"""IoU above which two boxes under different names are one thing."""


def find_plan(question: Question, book: ViewBook) -> Plan:
    """Named things: one look of the detector at all pictures needed, then choosing."""
    trail = Trail()
    looked = _looked_at(question, book)
    nouns = _nouns(question)
    everything = _wants_everything(question)
    labels: list[str] = [] if everything else nouns
    what = wording.understood(question)
    result = yield Call(
        "detect",
        {"labels": labels, "views": looked, "min_score": LOOK},
        f"look for {', '.join(labels) or 'everything'} in {wording.images(looked)}",
    )
    require(result, what)
    results = [result]
    if everything and (others := [noun for noun in nouns if not is_known(noun)]):
        # What is beside a lamp post: the lamp post is in no class, so it is looked for by its word.
        more = yield Call(
            "detect",
            {"labels": others, "views": looked, "min_score": LOOK},
            f"look for {', '.join(others)} in {wording.images(looked)}",
        )
        results += [more] if more.ok else []
    seen = Seen.of(results, nouns)
    require_looked_for(question, seen)
    scenes = {image: _scene(image, question, seen, book) for image in looked}
    for noun in nouns:
        everywhere = [f for s in scenes.values() for f in s.found.get(noun, ())]
        trail.say(f"{noun}: {wording.tally(everywhere, looked)}.")
    passing = _passing(question.conditions, scenes, trail)
    compared = {i: scenes[i] for i in looked if i in question.images or len(question.images) < 2}
    told = {c: _passing([c], compared, trail) for c in question.told}
    chosen: dict[str, tuple[Found, str | None]] = {}
    per_target: list[set[int]] = []
    for target in question.targets:
        boxes = _of_target(target, scenes, passing, question.per_image)
        boxes = _without(boxes, question, scenes)
        per_target.append({f.box.image for f in boxes})
        for found in boxes:
            chosen.setdefault(found.id, (found, _label(target, found, seen)))
    if question.every and (shared := set[int].intersection(*per_target)):
        chosen = {k: v for k, v in chosen.items() if v[0].box.image in shared}
    boxes = tuple(chosen.values())
    text = _text(question, boxes, passing, seen)
    looked_for = zip(question.targets, per_target, strict=True)
    missing = [wording.phrase(target.phrase) for target, there in looked_for if not there]
    text = " ".join((text, *(wording.told(c, images) for c, images in told.items())))
    if boxes and missing:
        text += f" Not found: {', '.join(dict.fromkeys(missing))}."
    return Outcome(boxes, text, tuple(trail.steps))


def _looked_at(question: Question, book: ViewBook) -> list[int]:
    if question.conditions or question.told or not question.targets:
        return list(range(1, book.image_count + 1))
    return sorted({i for t in question.targets for i in t.images})


def _phrases(question: Question) -> list[Phrase]:
    """Every phrase of the question, landmarks included."""
    conditions = (*question.conditions, *question.told)
    stack = [t.phrase for t in question.targets] + [c.phrase for c in conditions]
    stack += [c.other for c in conditions if c.other is not None]
    stack += list(question.excluded)
    result: list[Phrase] = []
    while stack:
        phrase = stack.pop(0)
        result.append(phrase)
        stack.extend(mark for relation in phrase.relations for mark in relation.landmarks)
    return result


def _nouns(question: Question) -> list[str]:
    """The words to look for; `thing` and the like are none."""
    return list(dict.fromkeys(p.noun[:100] for p in _phrases(question) if not p.generic))[:64]


def _wants_everything(question: Question) -> bool:
    return any(p.generic for p in _phrases(question))


def _scene(image: int, question: Question, seen: Seen, book: ViewBook) -> Scene:
    """What was found in one picture, by the question's nouns."""
    view = book[image]
    found: dict[str, list[Found]] = {}
    # Of two choices among the same things, the one that needs more of them says how many there are.
    targets = {
        t.phrase.noun: t for t in sorted(question.targets, key=lambda t: _least(t.phrase))
    }  # fmt: skip
    for phrase in _phrases(question):
        if phrase.noun in seen.unknown:
            continue
        of_noun = seen.matching(phrase, image)
        target = targets.get(phrase.noun)
        expected = target is not None and _is_expected(target, question)
        if expected and phrase.selections:
            found[phrase.noun] = _of_several(merged(of_noun), phrase, view)
        else:
            found[phrase.noun] = _believed(merged(of_noun), expected)
    return Scene(view.width, view.height, found)


def _is_expected(target: Target, question: Question) -> bool:
    """`the dog in image 2`: the question itself says that there is one."""
    phrase = target.phrase
    named = len(target.images) == 1 and question.ask == "boxes"
    return named and (phrase.definite or bool(phrase.selections)) and not phrase.plural


def _believed(found: list[Found], expected: bool) -> list[Found]:
    sure = [f for f in found if f.score >= SURE]
    if not sure and expected:
        return [f for f in found if f.score >= EXPECTED]
    return sure


def _of_several(found: list[Found], phrase: Phrase, view: View) -> list[Found]:
    """What a choice is made among: a choice says that there are several, at least up to its rank.

    The threshold gives way until there are that many; what is too small to be meant comes last.
    """
    least = _least(phrase)
    area = view.width * view.height
    salient = [f for f in found if f.box.box.area >= SALIENT * area]
    for pool in (salient, found):
        if several := of_several(pool, least, _score):
            return several
    return _believed(found, expected=True)


def _least(phrase: Phrase) -> int:
    """How many things there are at least, where one of them is chosen."""
    ranks = [abs(s.rank) for s in phrase.selections]
    return max(2, *ranks) + (phrase.quantity or 1) - 1 if ranks else 0


def merged(found: Sequence[Found]) -> list[Found]:
    """Without second names of one thing (car and truck in the same place), best first."""
    kept: list[Found] = []
    for candidate in sorted(found, key=lambda f: -f.score):
        if all(
            candidate.box.box.iou(other.box.box) <= SAME_THING
            for other in kept
            if other.box.label != candidate.box.label
        ):
            kept.append(candidate)
    return kept


def _passing(
    conditions: Iterable[Condition], scenes: Mapping[int, Scene], trail: Trail
) -> list[int]:
    """The pictures that meet all of the conditions."""
    passing = list(scenes)
    for condition in conditions:
        if _is_of_one(condition):
            # `The picture with the largest dog` is one of all.
            target = Target(condition.phrase, tuple(scenes))
            passing = sorted({f.box.image for f in _of_target(target, scenes, passing, False)})
            continue
        counts = {i: len(choose(condition.phrase, scenes[i])) for i in passing}
        if condition.other is not None:
            others = {i: len(choose(condition.other, scenes[i])) for i in passing}
            counts = {i: counts[i] - others[i] for i in passing}
        passing = [i for i in passing if _meets(condition, counts, i)]
        trail.say(
            f"Images {wording.condition(condition)}: {', '.join(map(str, passing)) or 'none'}."
        )
    return passing


def _is_of_one(condition: Condition) -> bool:
    """Whether a picture is told by what is the largest, the tallest ... of all pictures."""
    chosen = condition.phrase.selections
    return condition.kind == "shows" and any(s.key in BY_SIZE and not s.side for s in chosen)


def _meets(condition: Condition, counts: Mapping[int, int], image: int) -> bool:
    """Whether a picture's count, or how much more it shows of one thing than of another, fits."""
    if condition.kind in ("shows", "more"):
        return counts[image] > 0
    if condition.kind in ("lacks", "as many"):
        return counts[image] == 0
    if condition.kind == "fewer":
        return counts[image] < 0
    if condition.kind == "exactly":
        return counts[image] == condition.number
    if condition.kind == "at least":
        return counts[image] >= condition.number
    if condition.kind == "at most":
        return counts[image] <= condition.number
    extreme = max(counts.values()) if condition.kind == "most" else min(counts.values())
    return counts[image] == extreme


def _of_target(
    target: Target, scenes: Mapping[int, Scene], passing: Sequence[int], per_image: bool
) -> list[Found]:
    images = [i for i in target.images if i in scenes and i in passing]
    sized = [s for s in target.phrase.selections if not s.side]
    if per_image or len(images) < 2 or not sized:
        return [f for i in images for f in choose(target.phrase, scenes[i])]
    loose = Phrase(target.phrase.noun, plural=True, relations=target.phrase.relations)
    pool = [f for i in images for f in choose(loose, scenes[i])]
    for selection in sized:
        pool = select_across(pool, selection, target.phrase.quantity or 1, scenes)
    return pool


def _without(boxes: list[Found], question: Question, scenes: Mapping[int, Scene]) -> list[Found]:
    """The boxes that are none of the excluded things."""
    shut_out = {
        f.id for p in question.excluded for scene in scenes.values() for f in choose(p, scene)
    }
    return [f for f in boxes if f.id not in shut_out]


def _label(target: Target, found: Found, seen: Seen) -> str | None:
    """The user's word where it is finer than the class, else the class."""
    if target.phrase.noun in seen.narrower and not target.phrase.plural:
        return target.phrase.noun
    return found.box.label


def _text(
    question: Question,
    boxes: Sequence[tuple[Found, str | None]],
    passing: Sequence[int],
    seen: Seen,
) -> str:
    """The answer in words: the count or the pictures where these were asked for."""
    images = sorted({f.box.image for f, _ in boxes})
    said: list[str] = []
    if not question.targets:
        said.append(f"{wording.images(passing).capitalize()}." if passing else "No picture.")
    elif not boxes and question.ask == "which" and _counts(question) and passing:
        # The picture with the fewest cars may show none.
        said.append(f"{wording.images(passing).capitalize()}, with nothing in it to box.")
    elif not boxes:
        said.append("Nothing of the kind was found.")
    elif question.ask == "count" or question.told:
        said.append(f"{len(boxes)} in {wording.images(images)}{_shares(boxes, question)}.")
    else:
        said.append(f"{len(boxes)} found in {wording.images(images)}.")
    if seen.unknown:
        names = ", ".join(map(seen.unknown_name, seen.unknown))
        said.append(f"Not looked for, because the detector does not know it: {names}.")
    ignored = _unchecked(question, seen)
    if ignored:
        said.append(f"Not checked: {', '.join(ignored)}.")
    return " ".join(said)


def _shares(boxes: Sequence[tuple[Found, str | None]], question: Question) -> str:
    """`: 5, 6 and 3` of several pictures, and how many of each of several things."""
    images = Counter(found.box.image for found, _ in boxes)
    each = [str(images[image]) for image in sorted(images)]
    told = f": {', '.join(each[:-1])} and {each[-1]}" if len(each) > 1 else ""
    if len(question.targets) > 1:
        things = Counter(label or found.box.label for found, label in boxes)
        told += f" ({', '.join(f'{name}: {number}' for name, number in things.items())})"
    return told


def _unchecked(question: Question, seen: Seen) -> list[str]:
    """Words that say more than the boxes do: colours, deeds, and kinds of a class (`woman`)."""
    said: dict[str, None] = {}
    for phrase in _phrases(question):
        said |= dict.fromkeys(phrase.modifiers)
        if phrase.noun in seen.narrower and not phrase.generic:
            classes = " or ".join(sorted(seen.classes[phrase.noun]))
            said[f"{phrase.noun} (any {classes} counts)"] = None
    return list(said)


def _counts(question: Question) -> bool:
    return any(c.kind in ("fewest", "fewer", "at most", "as many") for c in question.conditions)


def common_plan(question: Question, book: ViewBook) -> Plan:
    """The kind of thing that all pictures show: the class whose weakest best box is strongest."""
    everywhere = list(range(1, book.image_count + 1))
    found = yield from look_for_kinds(question, everywhere)
    ranking = shared_kinds((f.box for f in found), everywhere)
    among = question.among or question.images
    if not ranking and len(among) > 1:
        # `What is in both image 1 and image 3?` may say nothing of image 2.
        ranking = shared_kinds((f.box for f in found), among)
    trail = Trail()
    if not ranking:
        trail.say("No kind of thing was found in every picture.")
        return Outcome(
            (), "The pictures share no kind of thing that was found.", tuple(trail.steps)
        )
    shown = ", ".join(f"{name} ({value:.2f})" for name, value in ranking[:4])
    trail.say(f"Kinds found in every picture, by their weakest picture: {shown}.")
    name = ranking[0][0]
    boxes = [f for f in found if f.box.label == name and f.box.image in question.images]
    chosen = [f for i in question.images for f in _kept_of_kind(boxes, i)]
    trail.say(f"{name}: {wording.tally(chosen, question.images)}.")
    text = f"The pictures share: {name}."
    return Outcome(tuple((f, name) for f in chosen), text, tuple(trail.steps))


def _kept_of_kind(boxes: Sequence[Found], image: int) -> list[Found]:
    return sure_or_best([f for f in boxes if f.box.image == image], _score)


def _score(found: Found) -> float:
    return found.score
