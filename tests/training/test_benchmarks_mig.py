"""MIG-Bench: published figures from published answers, strict and official, and both layouts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gemvg.tools.errors import DataError
from gemvg.training.benchmarks.benchmark import Scored
from gemvg.training.benchmarks.item import Item
from gemvg.training.benchmarks.mig_bench import MigBench, MigBenchOriginal, target_image
from gemvg.training.benchmarks.mig_official import official_original, official_revised
from gemvg.training.benchmarks.outcome import Outcome
from tests.shared import SHARED

MIG = SHARED / "mig_bench"
needs_mig = pytest.mark.skipif(
    not (MIG / "revised_MIG_bench.json").is_file(),
    reason="the published MIG-Bench answers are not here; set GEMVG_SHARED to their folder",
)

STRICT_MIGICIAN = {
    "common_object": 69.33, "correspondence": 34.19, "diff": 64.39, "group_grounding": 74.85,
    "multi_view": 46.88, "object_tracking": 59.45, "reasoning": 43.30, "refer_grounding": 67.68,
    "region": 63.59, "view_diff": 29.79,
}  # fmt: skip


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return MigBench().load(MIG)


def published(model: str) -> list[Path]:
    return sorted((MIG / "predictions" / model).glob("*.json"))


def scored(items: list[Item], model: str, official: bool) -> Scored:
    bench = MigBench()
    return bench.score(items, bench.read_predictions(published(model), items), official)


@needs_mig
@pytest.mark.parametrize(
    ("model", "official", "macro5", "micro5", "macro7", "macro3"),
    [
        ("qwen2_vl", False, 30.02, 28.72, 18.19, 41.75),
        ("qwen2_vl", True, 30.02, 28.72, 18.19, 41.75),
        ("migician", True, 63.37, 69.76, 43.64, 75.85),
        ("migician", False, 55.34, 62.49, 32.72, 70.45),
    ],
)
def test_published_figures_to_the_second_decimal(
    items: list[Item], model: str, official: bool, macro5: float, micro5: float, macro7: float,
    macro3: float,
) -> None:  # fmt: skip
    summary = scored(items, model, official).summary
    macro, micro = summary.averages
    assert [round(v, 2) for v in macro.values[:3]] == [macro3, macro5, macro7]
    assert round(micro.values[1], 2) == micro5
    assert summary.headline == ("macro acc@0.5", macro.values[1])


@needs_mig
def test_migician_strict_task_by_task(items: list[Item]) -> None:
    rows = scored(items, "migician", False).summary.rows
    assert {r.name: round(r.values[1], 2) for r in rows} == STRICT_MIGICIAN
    assert sum(r.n for r in rows) == 4276


@needs_mig
def test_answers_without_a_complete_box_are_counted(items: list[Item]) -> None:
    result = scored(items, "qwen2_vl", False)
    assert sum(not o.boxes for o in result.outcomes) == 91
    assert "91 answers hold no complete box." in result.summary.notes


@needs_mig
@pytest.mark.parametrize("model", ["qwen2_vl", "migician"])
def test_official_iou_is_the_published_one_item_by_item(items: list[Item], model: str) -> None:
    result = scored(items, model, True)
    expected: dict[str, float] = {}
    for path in published(model):
        for number, row in enumerate(json.loads(path.read_bytes())[:-1], 1):
            expected[f"{row['task']}/{number:04d}"] = row["iou"]
    assert len(expected) == 4276
    for outcome in result.outcomes:
        assert outcome.scores["iou"] == pytest.approx(expected[outcome.id], abs=1e-12)


def row(task: str, question: str, answer: list[float], images: int = 2) -> dict[str, object]:
    paths = [f"MIG-Bench/images/{task}/{k}.jpg" for k in range(images)]
    return {"task": task, "images": paths, "question": question, "answer": answer,
            "additional_info": "", "need_format": True}  # fmt: skip


def answers(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    said = [{"task": t, "question": f"{q}Format: x.", "answer": a} for t, q, a in rows]
    path.write_text(json.dumps([*said, {"diff": {"TOTAL": len(rows)}}]))
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    rows = [
        row("diff", "Difference in the 1th image. ", [100, 100, 300, 300]),
        row("diff", "Difference in the 1th image. ", [500, 500, 900, 900]),
        row("region", "Locate the 1th region. ", [0, 0, 500, 1000]),
    ]
    (tmp_path / "revised_MIG_bench.json").write_text(json.dumps(rows))
    return tmp_path


@pytest.mark.parametrize(
    ("text", "hit"),
    [
        ("(100,100),(300,300)", True),
        ("<think>at (500,500),(900,900)</think>\n<answer>(100,100),(300,300)</answer>", True),
        ("<think>[1, 2, 3, 4] or (5,6),(7,8)?</think><answer>[100, 100, 300, 300]</answer>", True),
        ("the cup at (500,500),(900,900)</think> <answer>(100,100),(300,300)</answer>", True),
        ("<think>(100,100),(300,300)</think><answer>nothing</answer>", False),
        ("<think>(100,100),(300,300) and so on", False),
        ("<answer>(100,100),(300,300), (500,500),(900,900)</answer>", True),
        ("<answer>(500,500),(900,900), (100,100),(300,300)</answer>", False),
        ("It's in the 2nd image. <|box_start|>(100,100),(300,300)<|box_end|>", True),
        ("[0.1, 0.1, 0.3, 0.3]", False),
        ("(300,300),(100,100)", False),
        ("(100,100),(300", False),
        ("", False),
    ],
)
def test_strict_reads_the_first_box_of_the_answer_part(small: Path, text: str, hit: bool) -> None:
    bench = MigBench()
    items = bench.load(small)
    files = [
        answers(small / "thinker_diff_1.json", [("diff", "Difference in the 1th image. ", text)])
    ]
    read = bench.read_predictions(files, items)
    result = bench.score(items, read)
    assert result.outcomes[0].scores["acc@0.5"] == float(hit)
    assert result.outcomes[1].status == "missing" and result.outcomes[1].scores["iou"] == 0.0


def test_answers_go_to_their_items_in_any_order(small: Path, tmp_path: Path) -> None:
    bench = MigBench()
    items = bench.load(small)
    question = "Difference in the 1th image. "
    said = [
        {"task": "diff", "question": question, "answer": "(500,500),(900,900)",
         "groundtruth": [500, 500, 900, 900]},
    ]  # fmt: skip
    file = tmp_path / "m_diff_2.json"
    file.write_text(json.dumps(said))
    result = bench.score(items, bench.read_predictions([file], items))
    assert [o.scores["iou"] for o in result.outcomes] == [0.0, 1.0, 0.0]
    assert "2 answers were not answered and count as wrong." in result.summary.notes


def test_an_answer_to_no_item_is_told(small: Path) -> None:
    bench = MigBench()
    items = bench.load(small)
    file = answers(small / "m_diff_3.json", [("diff", "Some other question", "(1,1),(2,2)")])
    with pytest.raises(DataError, match="fits no item"):
        bench.read_predictions([file], items)
    file.write_text('{"a": 1}')
    with pytest.raises(DataError, match="expected"):
        bench.read_predictions([file], items)


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("(1,2),(3,4)", (1, 2, 3, 4)),
        ("[9, 9, 9, 9] (1, 2), (3, 4)", (1, 2, 3, 4)),
        ("(1,2),(3,4)(5,6),(7,8)", (1, 2, 3, 4)),
        ("<think>(5,6),(7,8)</think>(1,2),(3,4)", (5, 6, 7, 8)),
        ("[1, 2, 3, 4]", (1, 2, 3, 4)),
        ("<box>1 2 3 4</box>", (1, 2, 3, 4)),
        ("[0.1, 0.2, 0.3, 0.4]", None),
        ("(0.1,0.2),(0.3,0.4)", None),
        ("none", None),
    ],
)
def test_official_reading_of_the_revised_set(text: str, box: tuple[float, ...] | None) -> None:
    assert official_revised(text) == box


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("(100,200),(300,400)", (0.1, 0.2, 0.3, 0.4)),
        ("(0,1),(300,400)", (0.0, 0.001, 0.3, 0.4)),
        ("(0,1),(300,400)(5,6),(7,8)", (0.0, 1.0, 0.3, 0.4)),
        ("[0.1, 0.2, 1.0, 0.4]", (0.1, 0.2, 0.001, 0.4)),
        ("no", None),
    ],
)
def test_official_reading_of_the_original_set(text: str, box: tuple[float, ...] | None) -> None:
    assert official_original(text)[0] == box


def test_the_original_set_has_fractions_and_mends_truth_only_when_strict(tmp_path: Path) -> None:
    rows = [
        row("common_object", "In the 2th image. ", [0.1, 0.1, 0.3, 0.3]),
        row("common_object", "In the 1th image. ", [0.9, 0.9, 0.5, 0.5]),
    ]
    (tmp_path / "MIG_data.json").write_text(json.dumps(rows))
    bench = MigBenchOriginal()
    items = bench.load(tmp_path)
    assert items[0].space == "unit" and items[0].truth[0].image == 2
    said = {
        items[0].id: Outcome(items[0].id, "common_object", raw="(100,100),(300,300)"),
        items[1].id: Outcome(items[1].id, "common_object", raw="(500,500),(900,900)"),
    }
    file = answers(
        tmp_path / "Migician_common_object_1.json",
        [("common_object", str(i.extra["question"]), said[i.id].raw) for i in items],
    )
    read = bench.read_predictions([file], items)
    strict, official = bench.score(items, read), bench.score(items, read, official=True)
    assert [o.scores["iou"] for o in strict.outcomes] == pytest.approx([1.0, 1.0])
    # Stretched: y1 .1 -> .105, y2 .3 -> .33; and the inverted truth can't be met.
    assert [o.scores["iou"] for o in official.outcomes] == pytest.approx([0.195 / 0.23, 0.0])
    assert any("wrong order" in note for note in strict.summary.notes)


@pytest.mark.parametrize(
    ("task", "question", "info", "image"),
    [
        ("region", "Please locate the 2th region picture in the source image.", "", 1),
        ("group_grounding", "find it", "It is in the third image. (1,2)", 3),
        ("common_object", "Recognize and locate this object in the 4th image. ", "", 4),
        ("refer_grounding", "where does the object in image-1 locate in the image-2.", "", 2),
        ("object_tracking", "in the first image marked ..., locate it in the 5th image.", "", 5),
        ("reasoning", "no word of it", "", 1),
    ],
)
def test_target_image(task: str, question: str, info: str, image: int) -> None:
    assert target_image(task, question, info) == image


def test_missing_data_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        MigBench().load(tmp_path / "nowhere")
    message = str(error.value)
    assert "\n" not in message and "MIG-Agent" in message and "nowhere" in message
    assert "revised_MIG_bench.json" in message
    (tmp_path / "revised_MIG_bench.json").write_text("[{]")
    with pytest.raises(DataError, match="not a JSON file"):
        MigBench().load(tmp_path)
