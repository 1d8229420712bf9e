"""The detect tool over a scripted detector: what it asks for, reports, and refuses."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemvg.tools import detect
from gemvg.tools.boxes import Box
from gemvg.tools.detect import Detect
from gemvg.tools.detectors import Detector, registry
from gemvg.tools.errors import UsageError
from gemvg.tools.images import Picture, picture_from_array
from gemvg.tools.tool import ToolContext, ToolResult
from gemvg.tools.views import ViewBook

from .fake_detector import FakeDetector


def plain_picture(shade: int, width: int = 400, height: int = 300) -> Picture:
    return picture_from_array(np.full((height, width, 3), shade, dtype=np.uint8))


@pytest.fixture
def context() -> ToolContext:
    return ToolContext(ViewBook([plain_picture(10), plain_picture(20), plain_picture(30)]))


def fake_for(context: ToolContext, **options: object) -> FakeDetector:
    one, two, _ = (p.digest for p in context.book.pictures)
    objects = {
        one: [
            ("couch", (10, 20, 110, 120), 0.9),
            ("dog", (200, 50, 260, 110), 0.8),
            ("cat", (300, 200, 350, 260), 0.2),
        ],
        two: [("car", (50, 50, 250, 200), 0.7), ("truck", (52, 51, 251, 200), 0.6)],
    }
    return FakeDetector(objects, **options)  # type: ignore[arg-type]


def labels_of(result: ToolResult) -> list[tuple[str | None, int]]:
    return [(box.label, box.image) for _, box in result.boxes]


def test_two_synonyms_are_one_look_and_one_box(context: ToolContext) -> None:
    fake = fake_for(context)
    result = Detect(fake).call({"labels": ["sofas", "couch", "dogs"]}, context)
    assert result.ok
    assert labels_of(result) == [("couch", 1), ("dog", 1)]
    assert fake.calls == [(3, ("couch", "dog"), 0.3)]
    assert "sofas = couch" in result.text
    assert "Image 2: nothing found." in result.text
    assert "b1: couch, image 1, [10, 20, 110, 120], 0.90" in result.text.splitlines()
    assert context.boxes.get("b1") == result.boxes[0][1]
    assert result.boxes[0][1].score_kind == "detector"
    assert result.data["labels"]["sofas"]["relation"] == "same"


def test_everything_names_an_object_once(context: ToolContext) -> None:
    result = Detect(fake_for(context)).call({}, context)
    assert labels_of(result) == [("couch", 1), ("dog", 1), ("car", 2)]
    wide = Detect(fake_for(context)).call({"labels": ["vehicles"]}, context)
    assert labels_of(wide) == [("car", 2)]
    assert "any of bicycle, car" in wide.text


def test_a_named_class_keeps_its_box_beside_a_better_rival(context: ToolContext) -> None:
    tool = Detect(fake_for(context))
    assert labels_of(tool.call({"labels": ["truck"]}, context)) == [("truck", 2)]
    both = tool.call({"labels": ["truck", "car"]}, context)
    assert labels_of(both) == [("car", 2), ("truck", 2)]


def test_views_and_threshold_are_obeyed(context: ToolContext) -> None:
    tool = Detect(fake_for(context))
    assert tool.call({"views": [2, 3]}, context).boxes[0][1].image == 2
    low = tool.call({"labels": ["cat"], "min_score": 0.1, "views": [1]}, context)
    assert labels_of(low) == [("cat", 1)]
    assert tool.call({"labels": ["cat"]}, context).boxes == ()
    assert tool.call({"labels": ["cat"]}, context).ok


def test_a_crop_is_reported_in_picture_pixels_and_an_object_once(context: ToolContext) -> None:
    crop = context.book.add(1, Box(5.5, 10.25, 150, 160), (800, 829), "left part of image 1")
    tool = Detect(fake_for(context))
    alone = tool.call({"labels": ["couch"], "views": [crop.index]}, context)
    assert alone.boxes[0][1].box == Box(10, 20, 110, 120)
    assert "View 4: 1 found." in alone.text
    both = tool.call({"labels": ["couch"], "views": [1, crop.index]}, context)
    assert labels_of(both) == [("couch", 1)]


def test_finer_words_are_said_to_be_coarse(context: ToolContext) -> None:
    result = Detect(fake_for(context)).call({"labels": ["poodle"]}, context)
    assert labels_of(result) == [("dog", 1)]
    assert "poodle: every dog (no finer class is known)" in result.text


def test_a_misspelt_word_is_told_with_the_one_that_is_meant(context: ToolContext) -> None:
    second = FakeDetector({}, ["unicorn"], "open", "open-fake")
    result = Detect(fake_for(context), second).call({"labels": ["cta", "dgo", "gnu"]}, context)
    assert not result.ok
    assert "cta (did you mean cat?), dgo (did you mean dog?), gnu: " in result.text


def test_an_unknown_word_goes_to_the_open_vocabulary(context: ToolContext) -> None:
    digest = context.book.pictures[2].digest
    second = FakeDetector(
        {digest: [("unicorn", (1, 1, 50, 50), 0.5)]}, ["unicorn", "dog"], "open", "open-fake"
    )
    tool = Detect(fake_for(context), second)
    result = tool.call({"labels": ["unicorns", "dog", "gnu"]}, context)
    assert labels_of(result) == [("dog", 1), ("unicorn", 3)]
    assert second.calls == [(3, ("unicorn",), 0.3)]
    assert "Not looked for gnu" in result.text
    assert result.data["unknown"] == ["gnu"]
    closed = tool.call({"labels": ["unicorn"], "vocabulary": "closed"}, context)
    assert not closed.ok
    forced = tool.call({"labels": ["dog"], "vocabulary": "open"}, context)
    assert forced.ok
    assert second.calls[-1] == (3, ("dog",), 0.3)


def test_without_text_features_an_unknown_word_names_the_cure(
    context: ToolContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GEMVG_CLIP_TEXT", raising=False)
    monkeypatch.delenv("GEMVG_OPEN_DETECTOR", raising=False)
    monkeypatch.setenv("GEMVG_OFFLINE", "1")
    result = Detect(fake_for(context)).call({"labels": ["unicorn"]}, context)
    assert not result.ok
    assert "GEMVG_CLIP_TEXT" in result.text
    mixed = Detect(fake_for(context)).call({"labels": ["unicorn", "dog"]}, context)
    assert mixed.ok
    assert "Not looked for unicorn" in mixed.text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"labels": "dog"}, "labels"),
        ({"labels": [""]}, "labels.0"),
        ({"labels": ["x" * 101]}, "labels.0"),
        ({"labels": ["a"] * 65}, "labels"),
        ({"views": [9]}, "no view 9; the views are 1 to 3"),
        ({"min_score": 1.5}, "min_score"),
        ({"min_score": float("nan")}, "min_score"),
        ({"vocabulary": "all"}, "vocabulary"),
        ({"label": ["dog"]}, "label"),
        ({"labels": ["gnu"], "vocabulary": "closed"}, "gnu"),
    ],
)
def test_a_wrong_argument_is_a_result_that_names_it(
    arguments: dict[str, object], words: str, context: ToolContext
) -> None:
    result = Detect(fake_for(context)).call(arguments, context)
    assert not result.ok
    assert words in result.text
    assert "\n" not in result.text


def test_a_file_that_is_another_is_loaded_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_loaded", {})
    monkeypatch.setattr(registry, "_build", lambda spec: FakeDetector({}, [Path(spec).read_text()]))

    def loaded() -> Detector:
        detector = registry.load_detector("mine.pt")
        assert registry.load_detector("mine.pt") is detector
        return detector

    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.pt").write_text(folder)
        monkeypatch.chdir(tmp_path / folder)
        assert loaded().classes == (folder,)
    Path("mine.pt").write_text("trained on")
    assert loaded().classes == ("trained on",)


def test_a_spec_is_loaded_once_and_its_failure_is_a_result(
    context: ToolContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, asked = fake_for(context), []

    def loader(spec: str) -> FakeDetector:
        asked.append(spec)
        if spec == "broken":
            raise UsageError("no detector 'broken'.", "Use another.")
        return fake

    monkeypatch.setattr("gemvg.tools.detect.load_detector", loader)
    monkeypatch.setenv("GEMVG_DETECTOR", "chosen")
    tool = Detect()
    assert tool.call({}, context).ok
    assert tool.call({}, context).ok
    assert asked == ["chosen"]
    broken = Detect("broken").call({}, context)
    assert not broken.ok
    assert "no detector 'broken'" in broken.text


def test_a_crowd_is_counted_in_full_and_listed_in_part() -> None:
    picture = plain_picture(1, 4000, 4000)
    boxes = [("person", (i * 10, 0, i * 10 + 8, 20), 0.9) for i in range(250)]
    context = ToolContext(ViewBook([picture]))
    result = Detect(FakeDetector({picture.digest: boxes})).call({"labels": ["people"]}, context)
    assert len(result.boxes) == 250
    assert "50 more" in result.text
    assert "Image 1: 250 found." in result.text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["labels", "views", "vocabulary", "min_score", "x"]), JSON)
    | st.fixed_dictionaries(
        {
            "labels": st.lists(st.text(max_size=30), max_size=4),
            "views": st.none() | st.lists(st.integers(-2, 5), max_size=4),
            "min_score": st.none() | st.floats(0, 1),
        }
    )
)
def test_no_arguments_make_it_raise(arguments: dict[str, object]) -> None:
    context = ToolContext(ViewBook([plain_picture(10, 40, 30)]))
    fake = FakeDetector({context.book.pictures[0].digest: [("dog", (1, 1, 20, 20), 0.9)]})
    result = Detect(fake, FakeDetector({}, ["gnu"], "open")).call(arguments, context)
    assert result.text
    for _, box in result.boxes:
        assert box.box.clip(40, 30) == box.box


def test_many_pictures_with_many_boxes_cost_what_each_costs(monkeypatch) -> None:
    compared: list[bool] = []
    repeats = detect._repeats

    def counted(view, box, seen, other, rivals) -> bool:
        compared.append(box.image == other.image)
        return repeats(view, box, seen, other, rivals)

    monkeypatch.setattr(detect, "_repeats", counted)
    book = ViewBook([plain_picture(shade) for shade in range(30)])
    boxes = [("person", (i * 9, 0, i * 9 + 8, 20), 0.9) for i in range(40)]
    fake = FakeDetector({picture.digest: boxes for picture in book.pictures})
    assert len(Detect(fake).call({"labels": ["person"]}, ToolContext(book)).boxes) == 30 * 40
    assert compared
    assert all(compared)
