"""Words: plurals, ordinals, lists, sides; the vocabulary that questions and the checker share."""

from __future__ import annotations

from collections.abc import Sequence

ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
)  # fmt: skip

NUMBERS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
)  # fmt: skip

_IRREGULAR = {
    "person": "people", "man": "men", "woman": "women", "child": "children", "mouse": "mice",
    "knife": "knives", "wolf": "wolves", "leaf": "leaves", "loaf": "loaves", "calf": "calves",
    "foot": "feet", "tooth": "teeth", "goose": "geese", "ox": "oxen", "cactus": "cacti",
    "sheep": "sheep", "deer": "deer", "bison": "bison", "fish": "fish", "squid": "squid",
    "skis": "skis", "scissors": "scissors", "broccoli": "broccoli", "shrimp": "shrimp",
    "jeans": "jeans", "shorts": "shorts", "glasses": "glasses", "sunglasses": "sunglasses",
    "eyeglasses": "eyeglasses", "goggles": "goggles", "socks": "socks", "gloves": "gloves",
    "dice": "dice", "bacon": "bacon", "popcorn": "popcorn", "bus": "buses", "kangaroo": "kangaroos",
    "radio": "radios", "piano": "pianos", "kimono": "kimonos", "taco": "tacos", "dodo": "dodos",
    "burrito": "burritos", "avocado": "avocados", "flamingo": "flamingos", "yo-yo": "yo-yos",
    "rhinoceros": "rhinoceroses", "octopus": "octopuses", "kiwifruit": "kiwifruits",
    "aircraft": "aircraft", "luggage": "luggage", "butter": "butter", "garlic": "garlic",
}  # fmt: skip


def plural(noun: str) -> str:
    """The plural of a noun phrase: `wine glass` -> `wine glasses`, `x of y` -> `xs of y`."""
    for joint in (" of ", " with ", " on ", " without "):
        if joint in noun:
            head, rest = noun.split(joint, 1)
            return plural(head) + joint + rest
    words = noun.split()
    last = words[-1]
    return " ".join([*words[:-1], _plural_word(last)])


def _plural_word(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    if word.endswith("o") and word[-2:-1] not in "aeiou":
        return word + "es"
    return word + "s"


_PAIRS = frozenset(
    {"skis", "scissors", "jeans", "shorts", "glasses", "sunglasses", "eyeglasses", "goggles",
     "socks", "gloves"}
)  # fmt: skip

_MASSES = frozenset({"broccoli", "bacon", "popcorn", "butter", "garlic", "luggage"})


def with_article(noun: str) -> str:
    """`a dog`, `an apple`; nouns that take none stand alone (`scissors`)."""
    last = noun.split()[-1]
    if last in _PAIRS | _MASSES and " with " not in noun and " of " not in noun:
        return noun
    silent = noun.startswith(("hour", "honest"))
    consonant = noun.startswith(("uni", "eu", "use", "one"))
    vowel = (noun[0] in "aeiou" and not consonant) or silent
    return f"{'an' if vowel else 'a'} {noun}"


def is_plural(noun: str) -> bool:
    """True for nouns that are plural though they name one thing: `skis`, `scissors`."""
    return noun.split()[-1] in _PAIRS and " of " not in noun and " with " not in noun


def ordinal_digits(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`."""
    tail = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{tail}"


def join_words(words: Sequence[str], conjunction: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(words) <= 1:
        return "".join(words)
    return f"{', '.join(words[:-1])} {conjunction} {words[-1]}"


def share_words(a: str, b: str) -> bool:
    """True where one label could be taken for the other: the words of one are all in the other.

    `dog` and `hot dog`, `cat` and `cat face` clash; `red apple` and `green apple` do not.
    """
    left, right = set(a.split()), set(b.split())
    return left <= right or right <= left
