"""Words: synonyms, plurals, kinds, groups; and that the table itself is sound."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemvg.tools.vocabulary import (
    _TABLE,
    Vocabulary,
    coco_classes,
    families,
    normalize_label,
    singular_forms,
)

COCO = Vocabulary(coco_classes())
DATA = json.loads(_TABLE.read_text(encoding="utf-8"))

ONE_CLASS = [
    ("sofa", "couch", "same"),
    ("cell phones", "cell phone", "same"),
    ("Mobile", "cell phone", "same"),
    ("smart-phone", "cell phone", "narrower"),
    ("the bikes", "bicycle", "same"),
    ("people", "person", "same"),
    ("men", "person", "narrower"),
    ("Woman", "person", "narrower"),
    ("kids", "person", "narrower"),
    ("T.V.", "tv", "same"),
    ("television sets", "tv", "same"),
    ("planes", "airplane", "same"),
    ("aircraft", "airplane", "same"),
    ("mugs", "cup", "narrower"),
    ("automobiles", "car", "same"),
    ("lorries", "truck", "same"),
    ("knives", "knife", "same"),
    ("mice", "mouse", "same"),
    ("geese", "bird", "narrower"),
    ("calves", "cow", "narrower"),
    ("puppies", "dog", "narrower"),
    ("oxen", "cow", "narrower"),
    ("sheep", "sheep", "same"),
    ("pair of scissors", "scissors", "same"),
    ("scissors", "scissors", "same"),
    ("skis", "skis", "same"),
    ("a ski", "skis", "same"),
    ("the catcher's mitt", "baseball glove", "same"),
    ("hot-dogs", "hot dog", "same"),
    ("teddy_bear", "teddy bear", "same"),
    ("cup of coffee", "cup", "narrower"),
    ("dog objects", "dog", "same"),
    ("the stop sign things", "stop sign", "same"),
    ("slice of pizza", "pizza", "narrower"),
    ("two of the dogs", "dog", "same"),
    ("a group of people", "person", "same"),
    ("dog on the left", "dog", "narrower"),
    ("person wearing a hat", "person", "narrower"),
    ("bright red car", "car", "narrower"),
    ("dining chairs", "chair", "narrower"),
    ("wine glasses", "wine glass", "same"),
    ("fire trucks", "truck", "narrower"),
    ("stuffed animals", "teddy bear", "narrower"),
    ("benches", "bench", "same"),
    ("sandwiches", "sandwich", "same"),
    ("buses", "bus", "same"),
    ("couches", "couch", "same"),
    ("refrigerators", "refrigerator", "same"),
    ("hair dryer", "hair drier", "same"),
]

GROUPS = [
    ("vehicles", {"car", "bus", "bicycle", "boat"}),
    ("wild animals", {"zebra", "elephant"}),
    ("a piece of fruit", {"banana", "apple", "orange"}),
    ("furniture", {"chair", "couch"}),
    ("kitchen appliances", {"microwave", "oven", "toaster", "refrigerator"}),
    ("bags", {"handbag", "backpack", "suitcase"}),
    ("everything", set(coco_classes())),
    # A colour and a material, not a fruit and a vessel.
    ("orange objects", set(coco_classes())),
    ("glass items", set(coco_classes())),
]

NOT_KNOWN = [
    "unicorn", "glasses", "sunglasses", "flower beds", "trash bag", "bus stop", "piano keyboard",
    "wolf", "leaves", "", "  ", "the", "...", "phone case", "pool table", "of", "of the", "12",
]  # fmt: skip


@pytest.mark.parametrize(("word", "name", "relation"), ONE_CLASS)
def test_a_word_reaches_its_class(word: str, name: str, relation: str) -> None:
    found = COCO.resolve(word)
    assert (found.classes, found.relation) == ((name,), relation)


@pytest.mark.parametrize(("word", "members"), GROUPS)
def test_a_word_may_cover_several_classes(word: str, members: set[str]) -> None:
    found = COCO.resolve(word)
    assert found.relation == "wider"
    assert members <= set(found.classes)


@pytest.mark.parametrize("word", NOT_KNOWN)
def test_what_is_not_known_is_said_to_be_unknown(word: str) -> None:
    assert COCO.resolve(word).classes == ()
    assert COCO.resolve(word).relation == "unknown"


@pytest.mark.parametrize("name", coco_classes())
def test_every_class_is_reached_by_its_name_in_any_dress(name: str) -> None:
    plural = name + ("es" if name.endswith(("s", "sh", "ch", "x")) else "s")
    for word in (name, name.upper(), f"the {name}", f"all  {name}", f" {name}. ", plural):
        assert COCO.resolve(word).classes == (name,), word


def test_a_word_has_one_meaning_and_every_group_member_is_a_class() -> None:
    seen: dict[str, str] = {}
    for concept, words in DATA["classes"].items():
        for word in (concept, *words["same"], *words["narrower"]):
            assert seen.setdefault(normalize_label(word), concept) == concept, word
    assert len(DATA["classes"]) == 80
    for word, members in DATA["groups"].items():
        assert word not in seen, word
        assert set(members) <= set(DATA["classes"]), word
    for phrase in DATA["not_a_kind_of_its_last_word"]:
        assert phrase not in seen, phrase


def test_another_detector_profits_from_the_same_table() -> None:
    voc = Vocabulary(["aeroplane", "tvmonitor", "sofa", "diningtable", "motorbike", "pottedplant"])
    for word, name in [
        ("plane", "aeroplane"),
        ("television", "tvmonitor"),
        ("couches", "sofa"),
        ("desk", "diningtable"),
        ("motorcycles", "motorbike"),
        ("houseplants", "pottedplant"),
    ]:
        assert voc.resolve(word).classes == (name,)
    assert set(voc.resolve("vehicles").classes) == {"aeroplane", "motorbike"}
    assert voc.resolve("dog").classes == ()


def test_own_names_go_before_the_table() -> None:
    voc = Vocabulary(["taxi", "car", "bird"], {"bird": ["tweeter"]})
    assert voc.resolve("taxis").classes == ("taxi",)
    assert voc.resolve("cab").classes == ("car",)
    assert voc.resolve("tweeters").classes == ("bird",)


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("berries", "berry"),
        ("cookies", "cookie"),
        ("boxes", "box"),
        ("shoes", "shoe"),
        ("wolves", "wolf"),
        ("glass", "glass"),
        ("red foxes", "red fox"),
        ("police men", "police man"),
    ],
)
def test_singular_forms_hold_the_singular(plural: str, singular: str) -> None:
    assert singular in list(singular_forms(plural))


@given(st.text(max_size=300))
def test_any_text_resolves_to_known_classes_or_to_none(text: str) -> None:
    found = COCO.resolve(text)
    assert set(found.classes) <= set(coco_classes())
    assert (found.relation == "unknown") == (not found.classes)


@given(st.lists(st.sampled_from(["of", "the", "pair", "dogs", "with", "in", "glass", "bag"])))
def test_any_order_of_its_own_little_words_is_survived(words: list[str]) -> None:
    assert set(COCO.resolve(" ".join(words)).classes) <= set(coco_classes())


@pytest.mark.parametrize(
    ("word", "known"),
    [("dgo", "dog"), ("elefants", "elephant"), ("umbrela", "umbrella"), ("bycicle", "bicycle"),
     ("refridgerator", "refrigerator"), ("kitchen", None), ("lamp", None), ("gate", None),
     ("dogs", None), ("", None), ("xy", None)],
)  # fmt: skip
def test_a_misspelt_word_is_near_the_one_that_is_meant(word: str, known: str | None) -> None:
    assert COCO.nearest(word) == known


def test_families_run_from_narrow_to_wide_and_leave_the_class_out() -> None:
    narrow, wide = families("chair")[:2]
    assert narrow == {"couch", "bench"} and narrow < wide
    assert families("car")[0] == {"truck"} and families("toothbrush") == ()
    for label in coco_classes():
        sizes = [len(kind) for kind in families(label)]
        assert sizes == sorted(sizes)
        assert all(kind and label not in kind for kind in families(label))


@pytest.mark.parametrize(
    ("sentence", "named"),
    [
        ("Find the wine glasses and the cups.", {"wine glass", "cup"}),
        ("the man's taxi near a sofa", {"person", "car", "couch"}),
        ("a teddy bear", {"teddy bear"}),
        ("the bear and the hot dog", {"bear", "hot dog"}),
        ("three people on bikes, in image 2", {"person", "bicycle"}),
        ("all the animals and vehicles", set()),
        ("what do these pictures have in common?", set()),
        ("", set()),
        ("?!", set()),
    ],
)
def test_a_sentence_names_classes(sentence: str, named: set[str]) -> None:
    assert Vocabulary(coco_classes()).named_in(sentence) == named
