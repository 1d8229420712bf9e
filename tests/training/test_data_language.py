"""Words, grammar, samples, exports, rewriting, and the command line."""

import json
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemvg.agent.cli.main import run
from gemvg.tools.errors import BackendError, DataError, OutputError, UsageError
from gemvg.training.data.build import build
from gemvg.training.data.dataset import as_dataset
from gemvg.training.data.export import export
from gemvg.training.data.folder import DataFolder
from gemvg.training.data.language.grammar import (
    NOUNS,
    Grammar,
    grammar,
    image_mark,
    label_slots,
)
from gemvg.training.data.language.words import (
    ORDINALS,
    is_plural,
    join_words,
    ordinal_digits,
    plural,
    share_words,
    with_article,
)
from gemvg.training.data.rewrite import (
    RewriteReport,
    openai_complete,
    rewrite,
    rewrite_all,
    why_not,
)
from gemvg.training.data.sample import Sample, read_samples, sample_line
from gemvg.training.data.stats import stats_of
from gemvg.training.data.verify_words import images_named
from gemvg.training.data.view import write_sheet
from tests.training.data_fixtures import make_coco, recipe


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = make_coco(tmp_path_factory.mktemp("coco"))
    build(recipe(traces=1.0), data / "out", data, workers=1)
    return data / "out"


@pytest.mark.parametrize(
    ("noun", "many"),
    [("dog", "dogs"), ("person", "people"), ("knife", "knives"), ("wine glass", "wine glasses"),
     ("slice of pizza", "slices of pizza"), ("sheep", "sheep"), ("bus", "buses"),
     ("strawberry", "strawberries"), ("toy", "toys"), ("potato", "potatoes"), ("mouse", "mice"),
     ("bottle with popping cork", "bottles with popping cork"), ("tooth", "teeth"),
     ("computer mouse", "computer mice"), ("pair of scissors", "pairs of scissors")],
)  # fmt: skip
def test_plurals(noun: str, many: str) -> None:
    assert plural(noun) == many


def test_articles_lists_and_ordinals() -> None:
    nouns = ("dog", "apple", "hourglass", "unicorn", "scissors", "pair of socks", "broccoli")
    assert [with_article(n) for n in nouns] == [
        "a dog", "an apple", "an hourglass", "a unicorn", "scissors", "a pair of socks", "broccoli",
    ]  # fmt: skip
    assert [is_plural(n) for n in ("skis", "pair of scissors", "broccoli", "dog")] == [
        True, False, False, False,
    ]  # fmt: skip
    assert join_words(["a", "b", "c"]) == "a, b and c" and join_words([]) == ""
    assert [ordinal_digits(n) for n in (1, 2, 3, 4, 11, 12, 21, 112)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "21st", "112th",
    ]  # fmt: skip
    assert share_words("dog", "hot dog") and not share_words("red apple", "green apple")


@given(st.integers(0, 10**6), st.integers(1, 14), st.integers(0, 5))
def test_a_picture_named_is_the_picture_meant(seed: int, index: int, more: int) -> None:
    slots = label_slots("dog") | {"image": image_mark(index, index + more)}
    question = grammar().phrase(Random(seed), "retrieval-in", slots)
    assert images_named(question, index + more) == {index}
    assert more == 0 or "last" not in question


POINTED = [
    "same-class", "same-instance", "multi-view", "tracking", "tracking-all",
    "correspondence-use", "correspondence-companion", "correspondence-part",
]  # fmt: skip


@pytest.mark.parametrize("rule", [*POINTED, "difference", "robust", "region", "region-which"])
def test_one_question_speaks_of_pictures_in_one_manner(rule: str) -> None:
    for seed in range(60):
        rng, words = Random(seed), grammar()
        box = {"box": "[1, 2, 3, 4]", "image": image_mark(1, 3), "colour": "red"}
        form = rng.choice(("pointer-text", "pointer-drawn"))
        slots = {
            "pointer": words.part(rng, form, box), "image": image_mark(3, 3),
            "first": image_mark(1, 3), "second": image_mark(3, 3), "where": image_mark(3, 3),
            "crop": image_mark(1, 3), "source": image_mark(3, 3),
        }  # fmt: skip
        question = words.phrase(rng, rule, slots)
        assert len({noun for noun in NOUNS if noun in question.lower()}) <= 1, question
        assert images_named(question, 3) <= {1, 3} and "<" not in question
        nouns = "|".join(NOUNS)
        # "the thing in the box of image 1 in image 3" can't be read.
        assert not re.search(rf"(?:in|of) [^,.?:]*(?:{nouns})(?: \d)? in [^,.?:]*(?:{nouns})",
                             question), question  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("could you {x}. thank you.", "Could you find it? Thank you."),
        ("look. would you {x}.", "Look. Would you find it?"),
        ("please {x}.", "Please find it."),
        ("can you {x} at 2.5 m.", "Can you find it at 2.5 m?"),
    ],
)
def test_requests_end_as_questions(text: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = Grammar()
    monkeypatch.setattr(words, "_rules", {"r": [text]})
    assert words.phrase(Random(0), "r", {"x": "find it"}) == said


def test_every_rule_expands_with_many_phrasings() -> None:
    slots = label_slots("dog") | label_slots("cat", "2") | {
        "image": "image 2", "crop": "the last image", "source": "image 1", "first": "image 1",
        "second": "image 2", "where": "image 1", "pointer": "the thing", "phrase": "a dog",
        "rank": "leftmost", "order": ORDINALS[1], "side": "left", "number": "two",
        "lackings": "cats", "a_lacking": "a cat", "colour": "red", "extreme": "largest",
        "relation": "above", "anchor": "cat", "box": "[1, 2, 3, 4]",
    }  # fmt: skip
    words = grammar()
    for rule in words.rules:
        phrasings = {words.phrase(Random(k), rule, slots) for k in range(200)}
        assert not any(set("{}$|<>") & set(text) for text in phrasings), rule
        assert all(text[:1] == text[:1].upper() for text in phrasings)
    for rule in ("retrieval-every", "retrieval-rank", "common", "difference", "same-class"):
        assert len({words.phrase(Random(k), rule, slots) for k in range(400)}) >= 30


def test_samples_come_back_as_they_were(built: Path) -> None:
    for sample in DataFolder(built).samples():
        assert Sample.model_validate_json(sample_line(sample)) == sample


def test_a_wrong_line_is_named(tmp_path: Path, built: Path) -> None:
    lines = (built / "samples.jsonl").read_text().splitlines()[:3]
    broken = json.loads(lines[1]) | {"task": "guessing"}
    file = tmp_path / "s.jsonl"
    file.write_text("\n".join([lines[0], "", json.dumps(broken)]))
    with pytest.raises(DataError, match=r"s\.jsonl, line 3: task"):
        list(read_samples(file))
    with pytest.raises(DataError, match="can't be read"):
        list(read_samples(tmp_path / "gone.jsonl"))


def test_written_pointers_lie_at_their_span(built: Path) -> None:
    spans = [(s, p) for s in DataFolder(built).samples() for p in s.prompts if p.span]
    assert spans
    for sample, prompt in spans:
        assert prompt.span is not None
        numbers = json.loads(sample.question[slice(*prompt.span)])
        ref = sample.images[prompt.image - 1]
        for value, pixel, side in zip(
            numbers, prompt.box, (ref.width, ref.height) * 2, strict=True
        ):
            assert abs(value * side / 1000 - pixel) <= side / 1000


def test_dataset_is_lazy(built: Path, tmp_path: Path) -> None:
    table: Any = as_dataset(built)
    assert len(table) == 60
    row = table[0]
    sample = next(iter(DataFolder(built).samples()))
    assert [i.size for i in row["images"]] == [(r.width, r.height) for r in sample.images]
    assert json.loads(row["truth"])["boxes"][0]["image"] == sample.answer[0].image
    assert row["prompt"][0]["content"][-1]["text"] == sample.question
    assert len(as_dataset(built, "val")) < 60
    # A folder that was built again is read again, not taken from what was kept of it.
    shutil.copytree(built, tmp_path / "again")
    assert len(as_dataset(tmp_path / "again")) == 60
    samples = tmp_path / "again" / "samples.jsonl"
    samples.write_text("".join(samples.read_text().splitlines(keepends=True)[:7]))
    assert len(as_dataset(tmp_path / "again")) == 7


def test_exports(built: Path, tmp_path: Path) -> None:
    folder = DataFolder(built)
    samples = list(folder.samples())
    for form, dialect in (("coco", ""), ("trl", ""), ("qwen-vl", "qwen2-vl"), ("qwen-vl", "gemvg")):
        out = tmp_path / f"{form}{dialect}.json"
        assert export(folder, form, out, dialect or "gemvg") == 60  # type: ignore[arg-type]
    coco = json.loads((tmp_path / "coco.json").read_text())
    assert len(coco["annotations"]) == sum(len(s.answer) for s in samples)
    assert all((tmp_path / i["file_name"]).is_file() for i in coco["images"])
    x, y, w, h = coco["annotations"][0]["bbox"]
    assert (x, y, x + w, y + h) == pytest.approx(samples[0].answer[0].box)
    talks = json.loads((tmp_path / "qwen-vlgemvg.json").read_text())
    for talk, sample in zip(talks, samples, strict=True):
        said = talk["conversations"][1]["value"]
        assert ("<think>" in said) == (sample.trace is not None)
        body = said.split("<answer>")[-1].removesuffix("</answer>")
        assert len(json.loads(body)) == len(sample.answer)
        assert talk["conversations"][0]["value"].count("<image>") == len(sample.images)


def test_stats_and_sheet(built: Path, tmp_path: Path) -> None:
    stats = stats_of(DataFolder(built)).as_json()
    assert stats["samples"] == 60 and sum(stats["task"].values()) == 60
    assert sum(stats["area"].values()) == stats["boxes"]
    assert write_sheet(DataFolder(built), tmp_path / "v.html", 12) == 12
    with pytest.raises(UsageError, match="no sample of task 'none'"):
        write_sheet(DataFolder(built), tmp_path / "none.html", task="none")
    assert not (tmp_path / "none.html").exists()
    page = (tmp_path / "v.html").read_text()
    assert page.count("<article>") == 12 and "http" not in page.replace("http-equiv", "")


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    answers: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            text = answers.pop(0) if answers else ""
            body = json.dumps({"choices": [{"message": {"content": text}}]}).encode()
            self.send_response(500 if text == "500" else 200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}/v1", answers
    http.shutdown()
    http.server_close()


def asked(question: str, meaning: dict[str, Any], images: int = 3) -> Sample:
    refs = [{"file": f"{k}.jpg", "width": 10, "height": 10} for k in range(images)]
    return Sample.model_validate(
        {"id": "a", "task": "retrieval", "demand": "referential", "question": question,
         "images": refs, "answer": [], "targets": "none", "meaning": meaning, "source": "s",
         "licence": "l"}
    )  # fmt: skip


RANKED = asked(
    "Find the leftmost dog in image 2.",
    {"op": "rank", "label": "dog", "image": 2, "key": "left", "nth": 1},
)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("In the second image, box the leftmost dog.", None),
        ("Please find the leftmost dog in image 2.", None),
        ("Find the leftmost dog in image 3.", "other pictures"),
        ("Find the rightmost dog in image 2.", "deciding word"),
        ("Find the leftmost cat in image 2.", "not named"),
        ("Find a dog in image 2.", "deciding word"),
        ("Find the second leftmost dog in image 2.", "deciding word"),
        ("", "empty"),
        ("Find the leftmost dog in image 2. " * 20, "too long"),
    ],
)
def test_a_rewriting_must_mean_the_same(text: str, kept: str | None) -> None:
    reason = why_not(RANKED, text)
    assert (reason is None) if kept is None else (reason is not None and kept in reason)


def test_rewriting_through_a_server(server: tuple[str, list[str]]) -> None:
    url, answers = server
    answers += ["In the second picture, box the leftmost dog.", "Find the cat.", "500"]
    report = RewriteReport()
    found = list(rewrite_all(map(ranked, range(3)), openai_complete(url, "m"), report))
    assert [s.question for s in found] == [
        "In the second picture, box the leftmost dog.", RANKED.question, RANKED.question,
    ]  # fmt: skip
    assert report.rewritten == 1 and sum(report.kept.values()) == 2
    answers.append("500")
    with pytest.raises(BackendError):
        openai_complete(url, "m")("?")


def test_a_model_that_fails_now_and_then_is_asked_on() -> None:
    complete, report = Answering({5, 12}), RewriteReport()
    assert len(list(rewrite_all(map(ranked, range(12)), complete, report))) == 12
    assert complete.asked == 12 and report.kept["no answer"] == 10


@pytest.mark.parametrize(("answered", "cure"), [({1}, "goes on from here"), (set(), "its server")])
def test_a_model_that_falls_silent_is_asked_no_more(answered: set[int], cure: str) -> None:
    complete, samples = Answering(answered), [ranked(k) for k in range(20)]
    with pytest.raises(BackendError, match=f"8 failures in a row.*{cure}") as told:
        list(rewrite_all(samples, complete, RewriteReport()))
    assert complete.asked == 8 + len(answered) and "\n" not in str(told.value)


def test_what_is_asked_twice_is_asked_of_the_model_once() -> None:
    complete = Answering({1})
    assert len(list(rewrite_all([RANKED] * 3, complete, RewriteReport()))) == 3
    assert complete.asked == 1


def ranked(number: int) -> Sample:
    """The question of other pictures each time."""
    images = [ref.model_copy(update={"file": f"{number}-{ref.file}"}) for ref in RANKED.images]
    return RANKED.model_copy(update={"images": images})


class Answering:
    """A model that answers only these times."""

    def __init__(self, answered: set[int]) -> None:
        self.asked = 0
        self._answered = answered

    def __call__(self, prompt: str) -> str:
        self.asked += 1
        if self.asked in self._answered:
            return RANKED.question
        raise BackendError("no")


def test_an_export_that_fails_leaves_nothing(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path / "torn")
    with (tmp_path / "torn" / "samples.jsonl").open("a") as file:
        file.write("nonsense\n")
    for form in ("trl", "qwen-vl"):
        with pytest.raises(DataError, match="line 61"):
            export(DataFolder(tmp_path / "torn"), form, tmp_path / "out" / "x.json")
    assert list((tmp_path / "out").iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        export(DataFolder(built), "trl", tmp_path / "file" / "x.json")


def test_a_rewritten_pointer_keeps_its_place() -> None:
    question = (
        "Find every object of the same kind as the thing at [1, 2, 30, 40] in image 1 in image 2."
    )
    start = question.index("[")
    sample = asked(question, {"op": "same-class", "images": [2]}, 2)
    prompt = {"image": 1, "box": [0.1, 0.1, 3, 4], "form": "text", "span": [start, start + 14]}
    sample = Sample.model_validate(sample.model_dump() | {"prompts": [prompt]})
    text = "The thing at [1, 2, 30, 40] in image 1: find every object of the same kind in image 2."
    new = rewrite(sample, lambda _: text, RewriteReport())
    assert new.question == text and new.prompts[0].span == (13, 27)


def test_the_command_line(built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "recipes"]) == 0
    assert run(["data", "stats", str(built), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["samples"] == 60
    assert run(["data", "check", str(built), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"]
    assert run(["data", "view", str(built), str(tmp_path / "v.html"), "-n", "3"]) == 0
    assert run(["data", "export", str(built), str(tmp_path / "c.json"), "--to", "coco"]) == 0
    assert run(["data", "export", str(built), str(tmp_path / "c.json"), "--to", "odd"]) == 2
    assert run(["data", "stats", str(tmp_path)]) == 2
    assert run(["data", "build", "no-such-recipe", str(tmp_path / "x")]) == 2
    assert "no such recipe" in capsys.readouterr().err
