"""Reading a question: pictures, then places, nouns and relations, then what kind of question."""

from __future__ import annotations

import re
from typing import Literal

from ...tools.errors import QueryNotUnderstood
from .assembly import Assembler, Head, keep_meant, read_relations
from .cues import CROP, CUTTING, weigh
from .nouns import fallback_noun, read_nouns
from .pictures import Pictures, pictures_in, read_pictures
from .question import Condition, Question, Source, Target, Task
from .selections import read_selections
from .stream import Chunk, Stream
from .tokens import Token, tokenise

CAN_READ = (
    "I can read, for example: every dog and cat; which picture shows a bus; the second person from "
    "the left in image 2; the object that all pictures share; where in the others image 3 was cut "
    "from; what changed between pictures 1 and 2; the object at (120,80),(340,560) of image 1 in "
    "image 2."
)
_SAID_BY_OTHERS = (
    r"(?:a|my|the|our|one) (?:\w+ )?(?:friend|colleague|wife|husband|boss|sister|brother|son|"
    r"daughter|mother|father|mum|mom|dad|teacher)(?: of (?:mine|ours|his|hers))? (?:says?|said|"
    r"told|tells|thinks?|claims?|asked|asks|wants|insists|swears|believes)(?: (?:me|us|that))*"
)
_MARKING = (
    r"(?:(?:put|place|draw|give|set|add) )?(?:(?:a|an|the|some|tight|bounding|red|green|blue|"
    r"coloured|colored) )*(?:box|boxes|rectangles?|bbox|bboxes|bounding|circles?|outlines?|marks?|"
    r"labels?|cross|dots?|coordinates|location|locations|position|positions) "
    r"(?:on|around|over|for|to|onto|at|upon|surrounding|enclosing|about|of|round)"
)
_COUNT = r"how many(?! @pics)|count|number of|how much|tally|total of"
_PRESENCE = r"(?:is|are) there|(?:does|do|can) (?:\w+ )?(?:@pics|you|any)|if there (?:is|are)|any"
_MOST = r"(?:the )?(?:most|more|(?:greatest|largest|highest|biggest) number of)"
_Side = Literal["first", "second", "both"]
_Asked = Literal["boxes", "which", "count", "presence"]
_MARKS = {"@pics", "@named", "@both", "@which", "@without"}
_FEWEST = r"(?:the )?(?:fewest|fewer|less|least|(?:smallest|lowest|least) number of)"


def understand(query: str, count: int) -> Question:
    """The meaning of a question about `count` pictures.

    Raises:
        QueryNotUnderstood: nothing to look for could be read, or a picture is named that does not
            exist; the message says what can be read.
    """
    tokens = _flatten_quotes(tokenise(query))
    stream = Stream(tokens)
    stream.rewrite(_SAID_BY_OTHERS, "said", lambda found, items: "said")
    read_pictures(stream, count)
    stream.rewrite(_MARKING, "ask", lambda found, items: "ask")
    text = _marked_text(stream)
    reading = _Reading(stream, tokens, text, count)
    task = reading.task()
    question = reading.build(task)
    if question is None:
        raise QueryNotUnderstood("The planner can't read this question.", CAN_READ)
    return question


def _flatten_quotes(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    """Quotations opened; the colon before one tells that what follows is asked for."""
    flat: list[Token] = []
    for token in tokens:
        if token.kind == "quote":
            flat.extend((Token(":", ":", "punctuation"), *token.inner))
        else:
            flat.append(token)
    return tuple(flat)


def _names(reference: Pictures) -> bool:
    """Whether a reference says which pictures, be it by number or by role."""
    return reference.kind in ("named", "rest") or reference.role in ("first", "second")


def _confines(reference: Pictures) -> bool:
    """Whether a reference confines the question to some pictures."""
    return _names(reference) or reference.negated


def _marked_text(stream: Stream) -> str:
    """The words with references to pictures told apart: @named, @both (all of several), @which."""
    words = stream.words()
    for index, item in enumerate(stream.items):
        if isinstance(item, Chunk) and isinstance(item.meaning, Pictures):
            ref = item.meaning
            if ref.kind in ("named", "role", "rest"):
                words[index] = "@without" if ref.negated else "@named"
            elif ref.kind == "which":
                words[index] = "@which"
            elif ref.plural and (ref.each or ref.kind == "all"):
                words[index] = "@both"
    return f" {' '.join(words)} "


class _Reading:
    """One question on its way from words to meaning."""

    def __init__(self, stream: Stream, tokens: tuple[Token, ...], text: str, count: int) -> None:
        self.tokens = tokens
        self.text = text
        self.count = count
        self.every = tuple(range(1, count + 1))
        self.references = pictures_in(stream)
        self.boxes = [t for t in tokens if t.kind == "box"]
        self.before = list(stream.items)
        read_selections(stream)
        read_nouns(stream)
        read_relations(stream)
        self.stream = stream
        self.heads = Assembler(stream).run()

    def task(self) -> Task:
        """The kind of question."""
        if self.count < 2:
            return "find"
        weights = dict(weigh(self.text))
        named_noun = any(h.noun.known for h in self.heads)
        if named_noun:
            weights["common"] -= 1.0
            weights["difference"] -= 1.0
            weights["region"] -= 0.5
        if not self._generic_head() and named_noun:
            weights["common"] -= 1.5
        order: list[Task] = ["region", "difference", "common", "counterpart"]
        best = max(order, key=lambda task: (weights[task], -order.index(task)))
        if weights[best] >= 2.0:
            return best
        if self._is_placed_in_others():
            return "region"
        return "common" if self._asks_for_shared_thing() else "find"

    def _is_placed_in_others(self) -> bool:
        """`Locate image 3 inside the others`: a picture itself is what is sought."""
        if self.heads:
            return False
        inside = [r for r in self.references if r.preposition in ("in", "inside", "within", "into")]
        bare = [r for r in self.references if r.kind == "named" and not r.preposition]
        return bool(inside and bare)

    def _generic_head(self) -> bool:
        return any(h.noun.phrase.generic for h in self.heads)

    def _asks_for_shared_thing(self) -> bool:
        """`What appears in every picture?`: no noun is named, and it is said to be in all."""
        if any(not h.noun.phrase.generic for h in self.heads):
            return False
        everywhere = re.search(r"@both", self.text) is not None
        plural = any(h.noun.phrase.plural for h in self.heads)
        asked_what = re.search(r"(?: what | which (?:\w+ )?(?:object|thing|item|kind))", self.text)
        return everywhere and (not plural or asked_what is not None)

    def build(self, task: Task) -> Question | None:
        """The question of this kind, or None where it can't be made out."""
        if task == "common":
            return Question("common", self._where() or self.every)
        if task == "difference":
            return self._difference()
        if task == "region":
            return self._region()
        if task == "counterpart":
            return self._counterpart()
        return self._find()

    def _located(self) -> list[Pictures]:
        """References that shut out or name pictures, in order."""
        return [r for r in self.references if _confines(r)]

    def _where(self, references: list[Pictures] | None = None) -> tuple[int, ...]:
        """The pictures that the question confines itself to, or none where it names none."""
        chosen = references if references is not None else self._located()
        wanted = {i for r in chosen if not r.negated for i in r.images}
        unwanted = {i for r in chosen if r.negated for i in r.images}
        if not wanted and unwanted:
            wanted = set(self.every)
        return tuple(sorted(wanted - unwanted))

    # --- differences

    def _difference(self) -> Question:
        named = [r for r in self._located() if r.kind == "named" and not r.negated]
        images = list(dict.fromkeys(i for r in self._located() for i in r.images if _names(r)))
        pair = (images[0], images[1]) if len(images) >= 2 else self._default_pair(images)
        ordered = (min(pair), max(pair))
        report = self._report(ordered, named)
        single = (
            re.search(r"differences|changes|alterations|edits| all | every ", self.text) is None
        )
        return Question("difference", ordered, report=report, single=single)

    def _default_pair(self, images: list[int]) -> tuple[int, int]:
        if not images:
            return (1, 2)
        other = 1 if images[0] != 1 else 2
        return (images[0], other)

    def _report(self, pair: tuple[int, int], named: list[Pictures]) -> _Side:
        """In which of the two pictures boxes are wanted; the second unless the words say else."""
        text = self.text
        if re.search(
            r" (?:mark|box|show|locate|find|highlight|outline|draw|give) (?:\w+ ){0,4}@both", text
        ) and any(r.each and r.preposition in ("in", "on") for r in self.references):
            return "both"
        singles = [r for r in named if len(r.images) == 1]
        roles = [r for r in self.references if r.kind == "role" and r.role in ("first", "second")]
        placed = [r for r in singles + roles if r.preposition in ("in", "on", "within", "inside")]
        placed = [r for r in placed if not r.negated]
        sides: list[_Side | None] = [self._side(r, pair) for r in placed]
        if len(set(sides)) == 1:
            return sides[0] or "both"
        shut_out = [r for r in singles + roles if r.negated]
        if len(shut_out) == 1:
            return "second" if self._side(shut_out[0], pair) == "first" else "first"
        if re.search(r" not (?:\w+ ){0,2}@named| (?:missing|gone|absent|lost) @named", text):
            return self._first_placed(pair)
        return "second"

    def _first_placed(self, pair: tuple[int, int]) -> _Side:
        """`in image 1 but missing from image 2`: boxes belong where the thing is."""
        for reference in self.references:
            if reference.kind not in ("named", "role") or reference.negated:
                continue
            if reference.preposition in ("in", "on", "within", "inside"):
                return self._side(reference, pair) or "second"
        return "second"

    def _side(self, reference: Pictures, pair: tuple[int, int]) -> _Side | None:
        if reference.kind == "role":
            return "first" if reference.role == "first" else "second"
        if len(reference.images) != 1:
            return None
        return "first" if reference.images[0] == pair[0] else "second"

    # --- regions

    def _region(self) -> Question:
        source = self._crop_index()
        kth = self._kth_crop()
        if source is None and kth is not None:
            source = kth + 1 if kth > 0 else self.count
        named = [r for r in self._located() if r.kind == "named"]
        where = tuple(i for i in self._where(named) if i != source)
        if source is not None and kth is not None and len(named) == 0:
            where = (1,)
        rest = tuple(i for i in self.every if i != source)
        return Question("region", where or rest, source=Source(source), single=True)

    def _kth_crop(self) -> int | None:
        """`the second region picture`, `crop 3` where a source picture comes first."""
        found = re.search(rf"ORD(-?\d+) {CROP}|{CROP} (?:number |# )?NUM(\d+)", self.text)
        if found is None or not re.search(r"followed by|source|@named", self.text):
            return None
        value = int(found.group(1) or found.group(2))
        return value if value < self.count else None

    def _crop_index(self) -> int | None:
        """The picture that is the close-up, from how its reference stands in the sentence."""
        words = self.text.split()
        refs = [item.meaning for item in self.before
                if isinstance(item, Chunk) and isinstance(item.meaning, Pictures)]  # fmt: skip
        marks = [i for i, w in enumerate(words) if w.startswith("@") and w in _MARKS]
        if re.search(rf" {CUTTING} (?:\w+ ){{0,3}}(?:at|in) the (?:very )?end ", self.text):
            return self.count
        best: tuple[float, int] | None = None
        for at, ref in zip(marks, refs, strict=False):
            if ref.kind != "named" or len(ref.images) != 1 or ref.negated:
                continue
            weight = self._crop_weight(words, at, ref)
            if weight > 0 and (best is None or weight > best[0]):
                best = (weight, ref.images[0])
        return best[1] if best else None

    def _crop_weight(self, words: list[str], at: int, ref: Pictures) -> float:
        """How much speaks for a reference being the close-up and not the place to search."""
        before = " ".join(words[max(0, at - 3) : at])
        after = " ".join(words[at + 1 : at + 5])
        weight = 0.0
        if ref.preposition in ("as", "shown in", "given in", "seen in", "displayed in", "given as",
                               "visible in", "shown as", "provided in", "provided as"):  # fmt: skip
            weight += 3.0
        elif ref.preposition in ("from", "out of", "into", "within", "inside", "from within",
                                 "inside of", "onto", "against"):  # fmt: skip
            weight -= 3.0
        elif ref.preposition in ("in", "on", "of", "at", "to", "with"):
            weight -= 1.5
            if re.search(rf"(?:^| ){CUTTING}$", before):
                weight += 3.0
        else:
            weight += 1.5
        if re.match(rf"(?:is|was|shows?|being|,)? ?(?:only |just |merely |clearly )*"
                    rf"(?:a|an|the|one)? ?(?:\w+ )?{CROP}(?: |$)", after):  # fmt: skip
            weight += 2.0
        if re.match(
            r"(?:was|is|has|comes?|came|belongs?|fits?|appears?|originates?)(?: |$)", after
        ):
            weight += 1.0
        if re.search(r"(?:source|original|full|whole)$", before):
            weight -= 3.0
        return weight

    # --- the same thing in another picture

    def _counterpart(self) -> Question:
        named = [r for r in self.references if r.kind in ("named", "rest") and not r.negated]
        source_image = self._source_image(named)
        token = self.boxes[0] if self.boxes else None
        phrase = next((h.phrase() for h in self.heads if h.noun.known), None)
        drawn = token is None and re.search(
            r"(?:red|green|blue|yellow|white|drawn|marked|outlined|highlighted|circled) ?(?:\w+ )?"
            r"(?:box|rectangle|frame|square|bbox|outline|border)", self.text
        ) is not None  # fmt: skip
        source = Source(
            source_image,
            token.box if token else None,
            token.pixels if token else False,
            drawn,
            phrase,
        )
        where = tuple(
            i for i in dict.fromkeys(i for r in named for i in r.images) if i != source_image
        )
        rest = tuple(i for i in self.every if i != source_image)
        return Question("counterpart", where or rest, source=source)

    def _source_image(self, named: list[Pictures]) -> int:
        """Where the thing is shown: the picture named beside the box, after `as in`, or first."""
        words = self.text.split()
        singles = [r for r in named if len(r.images) == 1]
        if not singles:
            return 1
        for ref in singles:
            if ref.preposition in ("as in", "shown in", "seen in", "from", "of", "given in"):
                return ref.images[0]
        if "@box" in words and (beside := self._beside_box(words)) is not None:
            return beside
        same = re.search(
            r"(?:same (?:\S+ ){0,4}(?:as|like|from|that) (?:\S+ ){0,4})@named", self.text
        )
        if same and len(singles) > 1:
            return singles[self.text[: same.end()].count("@named") - 1].images[0]
        if len(singles) == 1 and re.search(r"(?:in|find|locate) @named$", self.text.strip()):
            return 1 if singles[0].images[0] != 1 else 2
        return singles[0].images[0]

    def _beside_box(self, words: list[str]) -> int | None:
        """The picture that a written box lies in: named right after it, else last before it."""
        box = words.index("@box")
        marks = [i for i, w in enumerate(words) if w in _MARKS]
        spots = [(at, r) for at, r in zip(marks, self.references, strict=False)
                 if r.kind == "named" and len(r.images) == 1]  # fmt: skip
        after = [
            r for at, r in spots if 0 < at - box <= 4 and r.preposition in ("in", "of", "from")
        ]
        earlier = [r for at, r in spots if at < box]
        bound = [r for at, r in spots if at - box == 1] or (earlier[-1:] if earlier else after[:1])
        return bound[0].images[0] if bound else None

    # --- named things

    def _find(self) -> Question | None:
        if not self.heads and (noun := fallback_noun(self.tokens)) is not None:
            self.heads = [Head(noun, 0)]
        excluded = tuple(h.phrase() for h in self.heads if h.negated == "except")
        conditions, targets = self._split([h for h in self.heads if h.negated != "except"])
        if not targets and conditions:
            shown = [h for h in self.heads if not h.negated]
            targets = shown
        if not targets and not conditions:
            return None
        ranked = self._ranking(targets)
        which = any(r.kind == "which" for r in self.references)
        everything = tuple(Target(h.phrase(), images) for h, images in self._place(targets))
        images = tuple(sorted({i for t in everything for i in t.images})) or self.every
        return Question(
            "find", images, everything, self._per_image(),
            tuple(conditions) + ranked, excluded,
            every=which and len(everything) > 1 and " or " not in self.text,
            ask=self._asks(which),
        )  # fmt: skip

    def _split(self, heads: list[Head]) -> tuple[list[Condition], list[Head]]:
        """Phrases that say which pictures count, and phrases that say what to find."""
        conditions: list[Condition] = []
        targets: list[Head] = []
        wanted = [h for h in heads if h.shown_by is None and not h.negated]
        for head in heads:
            in_place = head.shown_by is not None and head.shown_by.preposition != ""
            if head.negated == "without" and (len(heads) > 1 or head.shown_by):
                conditions.append(Condition("lacks", head.phrase()))
            elif head.shown_by is not None and wanted and (in_place or self._follows(head, wanted)):
                conditions.append(Condition("shows", head.phrase()))
            else:
                targets.append(head)
        kept = keep_meant(targets)
        return conditions, kept

    def _follows(self, head: Head, wanted: list[Head]) -> bool:
        """`find the dog in the picture with a cat`: the condition comes with its own picture."""
        return head.shown_by is not None and head.shown_by.kind == "this" and bool(wanted)

    def _ranking(self, targets: list[Head]) -> tuple[Condition, ...]:
        """`Which picture has the most dogs`."""
        if not targets or not any(r.kind == "which" for r in self.references):
            return ()
        phrase = targets[0].phrase()
        if re.search(rf"(?:has|have|shows?|contains?|with|are|see)(?: there)? {_MOST} ", self.text):
            return (Condition("most", phrase),)
        if re.search(
            rf"(?:has|have|shows?|contains?|with|are|see)(?: there)? {_FEWEST} ", self.text
        ):
            return (Condition("fewest", phrase),)
        return ()

    def _place(self, targets: list[Head]) -> list[tuple[Head, tuple[int, ...]]]:
        """Each target with its pictures: its own where each has one, else all that are named."""
        spots = [
            (index, item.meaning)
            for index, item in enumerate(self.stream.items)
            if isinstance(item, Chunk) and isinstance(item.meaning, Pictures)
            and _confines(item.meaning)
        ]  # fmt: skip
        together = self._where([ref for _, ref in spots]) or self.every
        placed = [(i, r) for i, r in spots if not r.negated]
        if len(targets) < 2 or len(placed) < 2:
            return [(head, together) for head in targets]
        leading = placed[0][0] < min(head.at for head in targets)
        result: list[tuple[Head, tuple[int, ...]]] = []
        for head in targets:
            if leading:
                own = [r for i, r in placed if i < head.at][-1:]
            else:
                own = [r for i, r in placed if i > head.at][:1] or [placed[-1][1]]
            result.append((head, own[0].images if own else together))
        return result

    def _per_image(self) -> bool:
        """Superlatives hold in each picture, unless the question speaks of all as one."""
        pooled = ("across", "among", "amongst", "over", "out of")
        if any(r.kind == "all" and not r.each and r.preposition in pooled for r in self.references):
            return False
        return re.search(r" (?:overall|altogether|of all) ", self.text) is None

    def _asks(self, which: bool) -> _Asked:
        if re.search(rf"(?<= )(?:{_COUNT})(?= )", self.text):
            return "count"
        if which:
            return "which"
        first = self.text.split()[:4]
        if {"is", "are", "does", "do"} & set(first[:1]) or "there" in first[:3]:
            return "presence"
        return "boxes"
