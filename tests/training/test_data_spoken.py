"""What trainers say to a model: boxes in its own numbers, pictures found wherever one stands."""

import json
import re
from pathlib import Path

import pytest

from gemvg.policy.dialects.registry import get_dialect
from gemvg.tools.boxes import Box
from gemvg.tools.errors import DataError
from gemvg.training.data.build import build
from gemvg.training.data.builders.base import relative
from gemvg.training.data.export import family_context
from gemvg.training.data.folder import DataFolder
from gemvg.training.data.sample import ImageRef, Sample, TruthBox, VisualPrompt
from gemvg.training.data.spoken import spoken
from gemvg.training.recipe import SftPart
from gemvg.training.rows import check_pictures, rft_rows, sft_rows
from tests.training.data_fixtures import make_coco, recipe

FIRST, SECOND = "[250, 250, 750, 500]", "[100, 200, 300, 400]"


def sample() -> Sample:
    """Two written pointers of unlike length in one question, and a trace with both pictures."""
    question = f"What at {FIRST} of image 1 is like what at {SECOND} of image 2?"
    places = [(question.index(t), question.index(t) + len(t)) for t in (FIRST, SECOND)]
    return Sample(
        id="x", task="same-class", demand="semantic", question=question,
        images=[
            ImageRef(file="1", width=560, height=280), ImageRef(file="2", width=280, height=560),
        ],
        answer=[TruthBox(image=2, box=(28, 112, 84, 224), label="dog")], targets="single",
        meaning={"op": "same-class"},
        prompts=[
            VisualPrompt(image=1, box=(140, 70, 420, 140), form="text", span=places[0]),
            VisualPrompt(image=2, box=(28, 112, 84, 224), form="text", span=places[1]),
        ],
        trace=f"Image 1: one dog at {FIRST}. Image 2: one dog at {SECOND}. So image 1: {FIRST}.",
        source="s", licence="l",
    )  # fmt: skip


def said(given: Sample, dialect: str) -> tuple[str, str | None]:
    return spoken(given, get_dialect(dialect), family_context(given, dialect))


@pytest.mark.parametrize("name", ["qwen2-vl", "qwen3-vl", "gemvg", "gem-vg"])
def test_relative_families_keep_the_numbers(name: str) -> None:
    given = sample()
    assert said(given, name) == (given.question, given.trace)


def test_a_family_of_pixels_reads_and_thinks_in_pixels() -> None:
    question, trace = said(sample(), "qwen2.5-vl")
    first, second = "[140, 70, 420, 140]", "[28, 112, 84, 224]"
    assert question == f"What at {first} of image 1 is like what at {second} of image 2?"
    assert trace == (
        f"Image 1: one dog at {first}. Image 2: one dog at {second}. So image 1: {first}."
    )


def test_a_thought_and_its_answer_agree_to_the_last_digit() -> None:
    box = (412.4, 133.3, 574.49, 275.51)
    ref = ImageRef(file="1", width=640, height=424)
    trace = f"So the answer is in image 1: {relative(Box(*box), (640, 424))}."
    given = sample().model_copy(
        update={
            "images": [ref], "prompts": [], "question": "What?", "trace": trace,
            "answer": [TruthBox(image=1, box=box, label="dog")],
        }
    )  # fmt: skip
    for name in ("qwen2.5-vl", "qwen3-vl"):
        dialect, context = get_dialect(name), family_context(given, name)
        _, thought = spoken(given, dialect, context)
        answer = dialect.write([b.grounded() for b in given.answer], context)
        numbers = json.loads(str(thought).partition(": ")[2].rstrip("."))
        assert numbers == json.loads(answer)[0]["bbox_2d"]


def test_no_pointer_and_no_trace_stay_as_they_are() -> None:
    bare = sample().model_copy(update={"prompts": [], "trace": None})
    assert said(bare, "qwen2.5-vl") == (bare.question, None)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_coco(tmp_path_factory.mktemp("coco"))
    build(recipe(traces=1.0), folder / "out", folder, workers=1)
    return folder / "out"


def test_rows_of_a_built_data_set(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest's roots are relative to the data set, not to where training is started."""
    monkeypatch.chdir(tmp_path)
    dialect = get_dialect("gemvg")
    samples = {s.id: s for s in DataFolder(built).samples()}
    part = SftPart(stage="s2", think_share=1.0, auto_share=0.0)
    for rows in (
        lambda d: sft_rows([built], d, part, 1),
        lambda d: rft_rows([built], d),
    ):
        with pytest.raises(DataError, match="resized picture"):
            rows(get_dialect("qwen2.5-vl"))
    sft, rft = sft_rows([built], dialect, part, 1), rft_rows([built], dialect)
    assert len(sft) == len(rft) == len(samples) == 60
    check_pictures(sft)
    check_pictures(rft)
    pointed = thought = 0
    for row, other in zip(sft, rft, strict=True):
        given = samples[row["sample_id"]]
        said = json.dumps(row["messages"])
        for prompt in given.prompts:
            if prompt.span is not None:
                (numbers,) = re.findall(r"\[\d+, \d+, \d+, \d+\]", other["question"])
                assert numbers in said
                ref = given.images[prompt.image - 1]
                pixels = [
                    v * side / 1000
                    for v, side in zip(
                        json.loads(numbers), (ref.width, ref.height) * 2, strict=True
                    )
                ]
                assert pixels == pytest.approx(prompt.box, abs=1)
                pointed += 1
        if given.trace is not None and given.answer:
            # The answer's last box stands in the thought in the same numbers as in the answer.
            think, answer = row["completion"].split("</think>")
            for numbers in re.findall(r"\[(\d+, *\d+, *\d+, *\d+)\]", answer)[:1]:
                thought += 1
                wanted = [int(v) for v in numbers.split(",")]
                found = [
                    [int(v) for v in t.split(",")]
                    for t in re.findall(r"\[(\d+, \d+, \d+, \d+)\]", think)
                ]
                assert wanted in found
    assert pointed and thought
