"""`gemvg-agent eval` as people call it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gemvg.agent.cli.eval import BENCHMARKS
from gemvg.agent.cli.main import run
from gemvg.training.benchmarks.registry import NAMES
from tests.shared import SHARED

MIG = SHARED / "mig_bench"
needs_mig = pytest.mark.skipif(
    not (MIG / "predictions").is_dir(), reason="published answers are not here"
)
QWEN, MIGICIAN = (str(MIG / "predictions" / m) for m in ("qwen2_vl", "migician"))
DATA = ["--data", str(MIG)]


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["eval", *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_the_names_in_the_help_are_the_benchmarks() -> None:
    assert tuple(BENCHMARKS) == NAMES


@needs_mig
def test_a_table_of_published_answers(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "mig-bench", *DATA, "--predictions", QWEN)
    assert code == 0 and "macro acc@0.5 30.02" in out
    assert "91 answers hold no complete box." in out
    files = [str(p) for p in sorted(Path(MIGICIAN).glob("*.json"))]
    code, out, _ = call(capsys, "mig-bench", *DATA, "--official", "--predictions", *files)
    assert code == 0 and "63.37 (official quirks repeated)" in out
    assert "official quirk: Migician's boxes are stretched" in out


@needs_mig
def test_json_is_one_object_and_a_folder_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    place = tmp_path / "run"
    arguments = ["mig-bench", *DATA, "--tasks", "view_diff,reasoning", "--limit", "5",
                 "--predictions", MIGICIAN, "--out", str(place), "--json"]  # fmt: skip
    code, out, _ = call(capsys, *arguments)
    report = json.loads(out)
    assert code == 0 and [r["n"] for r in report["scores"]["tasks"]] == [5, 5]
    assert json.loads((place / "report.json").read_text()) == report
    lines = (place / "records.jsonl").read_text().splitlines()
    first = json.loads(lines[0])
    assert len(lines) == 10 and first["raw"].startswith("(") and set(first["scores"]) == {
        "iou", "acc@0.3", "acc@0.5", "acc@0.7"
    }  # fmt: skip
    assert "<svg" in (place / "report.html").read_text()
    code, out, _ = call(capsys, "compare", str(place), str(place), "--json")
    assert code == 0 and json.loads(out)["micro"]["verdict"] == "even"


@needs_mig
def test_compare_and_deciding(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = tmp_path / "c.html"
    code, out, _ = call(
        capsys, "compare", QWEN, MIGICIAN, "--benchmark", "mig-bench", *DATA, "--out", str(page)
    )
    assert code == 0 and "+25.32" in out and "better" in out and page.is_file()
    code, out, _ = call(
        capsys, "deciding", "mig-bench", *DATA, "--think", MIGICIAN, "--direct", QWEN,
        "--out", str(tmp_path / "d"),
    )  # fmt: skip
    assert code == 0 and "oracle" in out and "words an item" in out
    assert "<circle" in (tmp_path / "d" / "deciding.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nonsense"], 2, "No such command"),
        (["mc-bench"], 2, "mc-bench_images"),
        (["mig-bench", "--data", "."], 2, "revised_MIG_bench.json"),
        (["mig-bench", "stray.json"], 2, "files are for --predictions"),
        (["compare", "nowhere", "nowhere"], 2, "can't be opened"),
        (["compare", "a", "b", "--official"], 2, "need --benchmark"),
        (["deciding", "nonsense"], 2, "no benchmark"),
    ],
)
def test_mistakes_are_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    arguments: list[str], code: int, words: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GEMVG_BENCHMARKS", raising=False)
    got, out, err = call(capsys, *arguments)
    assert (got, out) == (code, "") and words in err
    assert err.startswith("gemvg-agent: ") and err.count("\n") == 1


def test_half_a_surrogate_pair_in_an_answer(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = {"task": "diff", "question": "q"}
    truth = {**asked, "answer": [100, 100, 500, 500], "images": ["a.jpg", "b.jpg"]}
    (tmp_path / "revised_MIG_bench.json").write_text(json.dumps([truth]))
    said = [{**asked, "answer": "(100,100),(500,500) \ud83d"}]
    (tmp_path / "said.json").write_text(json.dumps(said))
    code, out, _ = call(capsys, "mig-bench", "--data", str(tmp_path), "--predictions",
                        str(tmp_path / "said.json"), "--out", str(tmp_path / "out"))  # fmt: skip
    assert code == 0 and "100.00" in out
    assert "(500,500) ?" in (tmp_path / "out" / "records.jsonl").read_text()
    assert "(500,500) ?" in (tmp_path / "out" / "report.html").read_text()


@needs_mig
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tasks", "nope", "--predictions", QWEN], "no task 'nope'"),
        (["--limit", "0", "--predictions", QWEN], "--limit"),
        (["--predictions", "nowhere.json"], "no such file"),
        (["--predictions", "photos_run"], "is a run of photos, not of mig-bench"),
        (["--predictions", "stray/records.jsonl"], "belongs to a chosen item of mig-bench"),
        ([], "no picture at"),
    ],
)
def test_more_mistakes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    arguments: list[str], words: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for name in ("photos_run", "stray"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "records.jsonl").write_text('{"id": "absent/001", "task": "absent"}\n')
    settings = {"benchmark": "photos", "data": "0", "asked": {}, "chosen": {}}
    (tmp_path / "photos_run" / "run.json").write_text(json.dumps(settings))
    code, out, err = call(capsys, "mig-bench", *DATA, *arguments)
    assert code == 2 and out == "" and words in err and err.count("\n") == 1


def test_importing_the_command_loads_no_training() -> None:
    script = (
        "import sys, gemvg.agent.cli.eval; "
        "print([m for m in sys.modules if m.startswith(('gemvg.training', 'numpy', 'torch'))])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr
