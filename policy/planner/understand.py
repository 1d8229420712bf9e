"""Reading a question: pictures, then places, nouns and relations, then what kind of question."""

from __future__ import annotations

from ...tools.errors import QueryNotUnderstood
from .courtesy import question_alone
from .negation import open_nobody, require_all_read
from .pictures import read_pictures
from .plain import plain
from .plain_again import named_again
from .question import Question, Task
from .read_common import common_question
from .read_counterpart import counterpart_question
from .read_difference import difference_question
from .read_find import find_question
from .read_only import only_question
from .read_region import region_question
from .reading import Reading, marked_text
from .stream import Stream
from .task import task_of
from .tokens import Token, tokenise
from .unchecked import require_boxes_wanted
from .untold import require_told

CAN_READ = (
    "I can read, for example: every dog and cat; which picture shows a bus; the second person from "
    "the left in image 2; the object that all pictures share; where in the others image 3 was cut "
    "from; what changed between pictures 1 and 2; the object at (120,80),(340,560) of image 1 in "
    "image 2."
)
_SAID_BY_OTHERS = (
    r"(?:a|my|the|our|one) (?:\w+ )?(?:friend|colleague|wife|husband|boss|sister|brother|son|"
    r"daughter|mother|father|mum|mom|dad|teacher|grand\w+|aunt|uncle|cousin|neighbou?r|client|"
    r"customer)(?: of (?:mine|ours|his|hers))? (?:says?|said|"
    r"told|tells|thinks?|claims?|asked|asks|wants|insists|swears|believes)(?: (?:me|us|that))*"
)
_STEP = (
    r"(?:(?<=^ )|(?<=[.,;:] )|(?<= and )|(?<= then ))"
    r"(?:(?:at )?ORD-?\d+|firstly|secondly|thirdly|lastly|finally|next(?! to)|afterwards?|"
    r"after that|then)(?: ,)?(?: (?:please|also|you|to))*"
    r"(?= (?:find|locate|detect|mark|box|show|point|give|draw|look|search|highlight|outline|"
    r"identify|return|list|the @?\w+ |all |every ))"
)
"""`First find the dog, afterwards the cat`: the order of the asking, not of the things."""

_LOOKING = r"(?:(?<=^ )|(?<=[.,;:!?] )|(?<=please )|(?<= and )|(?<= then ))(?:take a )?look at"
_MARKING = (
    r"(?:(?:put|place|draw|give|set|add) )?(?:(?:a|an|the|some|tight|bounding|red|green|blue|"
    r"coloured|colored) )*(?:box|boxes|rectangles?|bbox|bboxes|bounding|circles?|outlines?|marks?|"
    r"labels?|cross|dots?|coordinates|location|locations|position|positions) "
    r"(?:on|around|over|for|to|onto|at|upon|surrounding|enclosing|about|of|round)"
)


def understand(query: str, count: int) -> Question:
    """The meaning of a question about `count` pictures.

    Raises:
        QueryNotUnderstood: nothing to look for could be read, or a picture is named that does not
            exist; the message says what can be read.
    """
    query = named_again(question_alone(query))
    require_told(query)
    tokens = open_nobody(_flatten_quotes(tokenise(plain(query))))
    stream = Stream(tokens)
    stream.rewrite(_SAID_BY_OTHERS, "said", lambda found, items: "said")
    stream.rewrite(_STEP, "said", lambda found, items: "said")
    read_pictures(stream, count)
    stream.rewrite(_MARKING, "ask", lambda found, items: "ask")
    stream.rewrite(_LOOKING, "ask", lambda found, items: "ask")
    reading = Reading(stream, tokens, marked_text(stream), count)
    require_boxes_wanted(reading)
    question = only_question(reading) or _build(task_of(reading), reading)
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


def _build(task: Task, reading: Reading) -> Question | None:
    """The question of this kind, or None where it can't be made out.

    Raises:
        QueryNotUnderstood: a negation is read by no rule of this kind.
    """
    if task in ("common", "counterpart"):
        require_all_read(reading.text.split(), set())
    if task == "common":
        return common_question(reading)
    if task == "difference":
        return difference_question(reading)
    if task == "region":
        return region_question(reading)
    if task == "counterpart":
        return counterpart_question(reading)
    return find_question(reading)
