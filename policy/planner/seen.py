"""What the detector saw for a question: boxes, and which classes each of its words stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...tools.errors import QueryNotUnderstood
from ...tools.tool import ToolResult
from .choosing import Found
from .known import closed_vocabulary
from .plans import found_in
from .question import Phrase, Question


@dataclass(frozen=True, slots=True)
class Seen:
    """The results of looking.

    Attributes:
        found: all boxes, best first.
        classes: by noun, the names under which the detector returns what it means.
        narrower: nouns that say more than their class (`woman`).
        unknown: nouns that could not be looked for.
        meant: of these, what some are likely misspellings of.
    """

    found: tuple[Found, ...]
    classes: Mapping[str, frozenset[str]]
    narrower: frozenset[str]
    unknown: tuple[str, ...]
    meant: Mapping[str, str]

    @classmethod
    def of(cls, results: Sequence[ToolResult], nouns: Sequence[str]) -> Seen:
        """From one look for named things, or from one at everything and one for words beside it.

        Where everything was looked for, the closed vocabulary says which classes a noun means.
        """
        classes: dict[str, frozenset[str]] = {}
        narrower: set[str] = set()
        for noun in nouns:
            told = [r.data["labels"][noun] for r in results if noun in r.data.get("labels", {})]
            if told:
                classes[noun] = frozenset(str(name) for name in told[0].get("classes", ()))
                relation = told[0].get("relation")
            else:
                meaning = closed_vocabulary().resolve(noun)
                classes[noun], relation = frozenset(meaning.classes), meaning.relation
            if relation == "narrower":
                narrower.add(noun)
        looked = {name for result in results for name in result.data.get("unknown", ())}
        unknown = [n for n in nouns if n in looked or not classes[n]]
        meant = {str(k): str(v) for r in results for k, v in r.data.get("meant", {}).items()}
        return cls(
            tuple(sorted((f for r in results for f in found_in(r)), key=lambda f: -f.score)),
            classes, frozenset(narrower), tuple(unknown), meant,
        )  # fmt: skip

    def unknown_name(self, noun: str) -> str:
        """An unknown noun, with what it is likely a misspelling of."""
        known = self.meant.get(noun)
        return f"{noun} (did you mean {known}?)" if known else noun

    def matching(self, phrase: Phrase, image: int) -> list[Found]:
        """What goes by the phrase's noun in one picture."""
        names = self.classes.get(phrase.noun, frozenset())
        here = [f for f in self.found if f.box.image == image]
        return here if phrase.generic else [f for f in here if f.box.label in names]


def require_looked_for(question: Question, seen: Seen) -> None:
    """Refuse what was not looked for: that nothing was found would say that it is not there.

    Raises:
        QueryNotUnderstood: the detector knows nothing of what is wanted, or not what a picture is
            said to show or to lack.
    """
    wanted = [target.phrase.noun for target in question.targets]
    if wanted and {*wanted} <= {*seen.unknown}:
        names = " or ".join(map(seen.unknown_name, dict.fromkeys(wanted)))
        raise QueryNotUnderstood(
            f"The planner understood the question, but the detector does not know {names}.",
            "Ask for things by other words.",
        )
    for asked in (*question.conditions, *question.told):
        for phrase in (asked.phrase, *([asked.other] if asked.other is not None else [])):
            if phrase.noun in seen.unknown:
                raise QueryNotUnderstood(
                    f"The planner can't tell which pictures are meant: the detector does not know "
                    f"'{seen.unknown_name(phrase.noun)}'.",
                    "Name the pictures by number, as in: zebras in images 1 and 3.",
                )
