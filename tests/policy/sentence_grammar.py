"""A small grammar of questions, each with what it means in the notation of the sentence table.

Every sentence here is one that people write, and its meaning follows from how it is put together,
so that combinations which nobody thought of are asked, too.
"""

from hypothesis import strategies as st

NOUNS = [
    ("dog", "dogs"), ("cat", "cats"), ("person", "people"), ("cup", "cups"), ("car", "cars"),
    ("bus", "buses"), ("umbrella", "umbrellas"), ("chair", "chairs"), ("laptop", "laptops"),
    ("bird", "birds"),
]  # fmt: skip
NAMES = {
    1: ["image 1", "the first picture", "photo 1", "picture one", "the 1st image"],
    2: ["image 2", "the second picture", "photo 2", "the middle image"],
    3: ["image 3", "the third picture", "the last photo", "picture three"],
}
PLACES = {
    "1": [f"in {name}" for name in NAMES[1]] + ["from the first image", "on the first photo"],
    "2": [f"in {name}" for name in NAMES[2]] + ["from image 2"],
    "3": [f"in {name}" for name in NAMES[3]],
    "12": ["in images 1 and 2", "in image 1 and image 2", "in the first two pictures",
           "in the first and the second photo", "in image 1 and in image 2", "in images 1, 2",
           "in both image 1 and image 2", "in either image 1 or image 2", "in pictures 1 & 2"],
    "13": ["in images 1 and 3", "in image 1 and image 3", "in the first and last pictures",
           "in image 1 as well as image 3", "in all images except image 2",
           "in every picture but the second"],
    "123": ["in all images", "in every picture", "across all three photos", "in each image",
            "in any of the pictures", "in images 1, 2 and 3", "in image 1, image 2 and image 3",
            "in images 1 to 3"],
}  # fmt: skip
EXTREMES = [("largest", "largest"), ("smallest", "smallest"), ("leftmost", "left"),
            ("rightmost", "right"), ("biggest", "largest")]  # fmt: skip
RELATIONS = [
    ("next to", "next to"), ("beside", "next to"), ("near", "next to"), ("behind", "behind"),
    ("to the left of", "left of"), ("right of", "right of"), ("in front of", "in front of"),
    ("under", "below"), ("above", "above"), ("on top of", "on"), ("inside", "in"),
    ("closest to", "nearest to"), ("sitting on", "on"), ("standing next to", "next to"),
    ("on the left side of", "left of"), ("parked behind", "behind"),
]  # fmt: skip

Sentence = tuple[str, str]
"""A question about three pictures, and what it means."""


def one_of(draw, *choices):
    return draw(st.sampled_from(choices))


def nouns(draw, count):
    return draw(st.permutations(NOUNS))[:count]


def a(noun):
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def upper(text):
    return text[:1].upper() + text[1:]


def pair(draw):
    """Two pictures, and a name of each."""
    first, second = draw(st.permutations([1, 2, 3]))[:2]
    return first, second, one_of(draw, *NAMES[first]), one_of(draw, *NAMES[second])


def everything(draw, noun):
    one, many = noun
    return one_of(draw, f"the {one}", f"every {one}", f"all {many}", f"all the {many}", a(one))


@st.composite
def several(draw):
    """One to three things, each chosen or not, all of them in the same pictures."""
    things = []
    for one, many in nouns(draw, draw(st.integers(1, 3))):
        word, key = one_of(draw, ("", ""), *EXTREMES)
        said = f"the {word} {one}" if word else everything(draw, (one, many))
        things.append((said, f"{one}<{key}>" if key else one))
    words = [said for said, _ in things]
    tie = one_of(draw, " and ", ", ")
    said = tie.join(words) if len(words) < 3 else f"{words[0]}, {words[1]} and {words[2]}"
    key = one_of(draw, *PLACES)
    place = one_of(draw, *PLACES[key])
    frame = one_of(
        draw, "{x} {p}", "Find {x} {p}.", "Please box {x} {p}", "{P}, find {x}.",
        "Where is {x} {p}?", "Can you locate {x} {p}?", "I need boxes around {x} {p}", "{P}: {x}",
        "Show me {x} {p}, please.", "What are the coordinates of {x} {p}?",
    )  # fmt: skip
    meaning = " + ".join(f"{meant} @{key}" for _, meant in things)
    return frame.format(x=said, p=place, P=upper(place)), f"find {meaning}"


@st.composite
def each_its_own(draw):
    """Two things, each in another picture."""
    first, second = nouns(draw, 2)
    here, there = draw(st.permutations("123"))[:2]
    frame = one_of(
        draw, "{a} {p} and {b} {q}", "Find {a} {p} and {b} {q}.", "{P}: {a}; {Q}: {b}",
        "{P}, find {a}, and {q}, find {b}.", "Box {a} {p}, {b} {q}.", "{a} {p}, but {b} {q}",
        "Locate {a} {p}. Then locate {b} {q}.", "I want {a} {p} and also {b} {q}",
    )  # fmt: skip
    p, q = one_of(draw, *PLACES[here]), one_of(draw, *PLACES[there])
    words = {"a": everything(draw, first), "b": everything(draw, second)}
    asked = frame.format(**words, p=p, q=q, P=upper(p), Q=upper(q))
    return asked, f"find {first[0]} @{here} + {second[0]} @{there}"


@st.composite
def in_pictures_that_show(draw):
    """A thing in pictures that are told by what they show or lack."""
    wanted, shown = nouns(draw, 2)
    there = ["with {b}", "that show {b}", "containing {b}", "where there is {b}",
             "in which {b} can be seen", "that also show {b}"]  # fmt: skip
    lacking = ["without {b}", "that do not show {b}", "with no {n}", "that lack {b}"]
    lacks = draw(st.booleans())
    told = one_of(draw, *(lacking if lacks else there)).format(b=a(shown[0]), n=shown[0])
    frame = one_of(
        draw, "{x} in the pictures {w}", "Find {x} in images {w}.", "Only in photos {w}, box {x}",
        "In the pictures {w}, find {x}.", "Find the pictures {w}, then box {x} in them.",
        "box {x}, but only in the pictures {w}",
    )  # fmt: skip
    meaning = f"find {wanted[0]} @123 if {'lacks' if lacks else 'shows'} {shown[0]}"
    return frame.format(x=everything(draw, wanted), w=told), meaning


@st.composite
def with_and_without(draw):
    """What has one thing and lacks another, be it a person or a picture."""
    wanted, shown, lacked = nouns(draw, 3)
    worn, missed = draw(st.permutations(["umbrella", "backpack", "cup", "tie", "handbag"]))[:2]
    but = one_of(draw, "but without {x}", "but no {n}", "but not {x}", "and no {n}")
    if draw(st.booleans()):
        person = one_of(draw, "every person with {x}", "people who have {x}", "the man holding {x}")
        asked = f"{person.format(x=a(worn))} {but.format(x=a(missed), n=missed)}"
        noun = "man" if "man" in person else "person"
        return asked, f"find {noun}[with {worn}][not with {missed}] @123"
    frame = one_of(
        draw, "the {p} in pictures with {x} {l}", "Find the {p} in images that show {x} {l}.",
        "In the images with {x} {l}, box every {s}.", "box all {p} in pictures that have {x} {l}",
    )  # fmt: skip
    told = but.format(x=a(lacked[0]), n=lacked[0])
    asked = frame.format(s=wanted[0], p=wanted[1], x=a(shown[0]), l=told)
    return asked, f"find {wanted[0]} @123 if shows {shown[0]} if lacks {lacked[0]}"


@st.composite
def all_but_one(draw):
    """All of a kind but one that is chosen."""
    (one, many), (word, key) = nouns(draw, 1)[0], one_of(draw, *EXTREMES)
    frame = one_of(
        draw, "every {s} except the {l} one", "all {p} but the {l} one", "all {p} except the {l}",
        "Find all the {p}, except the {l} one.", "Box every {s} other than the {l} one",
        "Mark all {p} but not the {l} one.", "all {p} apart from the {l} one",
    )  # fmt: skip
    asked = frame.format(s=one, p=many, l=word)
    return asked, f"find {one} @123 except {one}<{key}>"


@st.composite
def which(draw):
    """Which pictures show a thing, or the most of a kind."""
    one, many = nouns(draw, 1)[0]
    most = one_of(draw, "most", "fewest")
    frame = one_of(
        draw, "Which picture shows {x}?", "Which of the images has {x}?",
        "In which photo can {x} be seen?", "Which photos have {x}?", "Which picture is {x} in?",
        "Which picture has the {m} {p}?", "Which photo contains the {m} {p}? Mark them.",
    )  # fmt: skip
    ranked = f" if {most} {one}" if "{m}" in frame else ""
    return frame.format(x=a(one), p=many, m=most), f"find {one} @123 ?which{ranked}"


@st.composite
def counted(draw):
    """How many there are."""
    one, many = nouns(draw, 1)[0]
    key = one_of(draw, *PLACES)
    frame = one_of(
        draw, "How many {p} are there {w}?", "Count the {p} {w}.", "How many {p} {w}?",
        "How many {p} can you see {w}?", "What is the number of {p} {w}?",
    )  # fmt: skip
    return frame.format(p=many, w=one_of(draw, *PLACES[key])), f"find {one} @{key} ?count"


@st.composite
def ranked(draw):
    """The second or third from a side; several that are the largest."""
    one, many = nouns(draw, 1)[0]
    word, rank = one_of(draw, ("second", 2), ("third", 3))
    number, many_of = one_of(draw, ("two", 2), ("three", 3), ("4", 4))
    side = one_of(draw, "left", "right")
    extreme, key = one_of(draw, *EXTREMES)
    where = one_of(draw, "1", "2", "3")
    place = one_of(draw, *PLACES[where])
    frame = one_of(
        draw, "the {k} {s} from the {d} {p}", "{P}, box the {k} {s} from the {d}.",
        "Which {s} is the {k} from the {d} {p}?", "{s} {k} from {d} {p}",
        "the {n} {e} {m} {p}", "Find the {n} {e} {m} {p}.", "{P}, box the {n} {e} {m}.",
    )  # fmt: skip
    asked = frame.format(
        k=word, s=one, d=side, p=place, P=upper(place), n=number, e=extreme, m=many
    )
    meant = f"{one} x{many_of}<{key}>" if "{e}" in frame else f"{one}<{side} {rank}>"
    return asked, f"find {meant} @{where}"


@st.composite
def related(draw):
    """A thing beside another one."""
    first, mark = nouns(draw, 2)
    words, kind = one_of(draw, *RELATIONS)
    where = one_of(draw, "1", "2", "3", "123")
    place = one_of(draw, *PLACES[where])
    frame = one_of(
        draw, "the {a} {k} the {b} {p}", "Find the {a} {k} the {b} {p}.",
        "{P}, box the {a} {k} the {b}.", "every {a} {k} {x} {p}",
        "Which {a} is {k} the {b} {p}?", "Box all {m} {k} any {b} {p}",
    )  # fmt: skip
    asked = frame.format(
        a=first[0], m=first[1], b=mark[0], x=a(mark[0]), k=words, p=place, P=upper(place)
    )
    return asked, f"find {first[0]}[{kind} {mark[0]}] @{where}"


@st.composite
def counterpart(draw):
    """A thing or a box of one picture, in another one."""
    here, there, source, target = pair(draw)
    one = nouns(draw, 1)[0][0]
    frame = one_of(
        draw, "Find the {x} from {i} in {j}.", "Where in {j} is the {x} of {i}?",
        "In {j}, find the {x} shown in {i}.", "The {x} in {i}: where is it in {j}?",
        "Find in {j} the same {x} as in {i}.", "Which {x} in {j} is the one from {i}?",
        "Find the object at {b} of {i} in {j}.", "In {j}, locate the object marked by {b} in {i}.",
        "Which object in {j} corresponds to the box {b} in {i}?",
    )  # fmt: skip
    asked = frame.format(x=one, i=source, j=target, b="[100, 50, 200, 150]")
    return asked, f"counterpart src={here} {'box' if '{b}' in frame else one} @{there}"


@st.composite
def region(draw):
    """A picture that is a part of another one."""
    here, there, source, target = pair(draw)
    frame = one_of(
        draw, "{I} is a crop of {j}. Find where it comes from.", "Where in {j} is {i} taken from?",
        "{I} shows a detail of {j}; locate it.", "Find the region of {j} that {i} shows.",
        "Which part of {j} is shown in {i}?", "Locate the area of {j} that matches {i}.",
    )  # fmt: skip
    return frame.format(i=source, I=upper(source), j=target), f"region src={here} @{there}"


@st.composite
def changed(draw):
    """What differs between two pictures, and what one of them shows alone."""
    here, there, first, second = pair(draw)
    numbers = f"{min(here, there)}{max(here, there)}"
    frame = one_of(
        draw, "What changed between {i} and {j}?", "Find the differences between {i} and {j}.",
        "Spot the difference between {i} and {j}.", "Find what is in {i} but not in {j}.",
        "Which object is in {i} but not in {j}?", "What does {i} show that {j} does not?",
        "Find the object that is missing in {j} but present in {i}.",
    )  # fmt: skip
    side = ("first" if here < there else "second") if "{i} but" in frame else ""
    return frame.format(i=first, j=second), f"difference {numbers} {side}".strip()


@st.composite
def common(draw):
    """What pictures share."""
    key, said = one_of(
        draw, ("12", "images 1 and 2"), ("12", "the first two pictures"),
        ("12", "image 1 and image 2"), ("13", "images 1 and 3"), ("23", "the last two pictures"),
        ("123", "all three pictures"), ("123", "these images"),
    )  # fmt: skip
    frame = one_of(
        draw, "What do {w} have in common?", "Find the object that {w} have in common.",
        "Which object appears in {w}?", "Find the object shared by {w}.",
        "Locate the common object of {w}.", "What object is present in {w}?",
    )  # fmt: skip
    return frame.format(w=said), f"common @{key}"


FAMILIES = [
    several, each_its_own, in_pictures_that_show, with_and_without, all_but_one, which, counted,
    ranked, related, counterpart, region, changed, common,
]  # fmt: skip
