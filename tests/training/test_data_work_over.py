"""Episodes and new wordings take hours: stopped, they go on; nothing is asked twice or mixed."""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gemvg.agent import grounding_agent
from gemvg.agent.answer import Answer
from gemvg.agent.cli.main import run
from gemvg.agent.grounding_agent import GroundingAgent
from gemvg.agent.locks import only_writer
from gemvg.policy.policy import Request
from gemvg.policy.scripted import ScriptedPolicy
from gemvg.tools.errors import BackendError
from gemvg.training.data import rewrite as rewriting
from gemvg.training.data.build import build
from gemvg.training.data.folder import DataFolder
from gemvg.training.data.teacher.episodes import HELPFUL
from gemvg.training.data.work_over import sample_key
from tests.training.data_fixtures import make_coco, recipe

TASKS = [{"task": task, "pool": "painted", "share": 1} for task in ("retrieval", "absent")]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = make_coco(tmp_path_factory.mktemp("coco"))
    build(recipe(size=24, tasks=TASKS), data / "out", data, workers=1)
    return data


@pytest.fixture
def out(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built, tmp_path / "c")
    return tmp_path / "c" / "out"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


class Teacher(GroundingAgent):
    """Looks once and finds nothing, which is right for half of the samples; then something ends it.

    `ends` is raised at question `after`, or, where it is an error of the server, at all from there.
    """

    def __init__(self, after: int, ends: BaseException, name: str = "teacher") -> None:
        super().__init__(ScriptedPolicy(self._say, name=name), mode="direct", tools=["zoom"])
        self.asked = 0
        self._after, self._ends = after, ends

    def ask(self, query: str, images: Sequence[Any], **more: Any) -> Answer:
        self.asked += 1
        if self.asked == self._after and not isinstance(self._ends, BackendError):
            raise self._ends
        return super().ask(query, images, **more)

    def _say(self, request: Request) -> str:
        if self.asked >= self._after and isinstance(self._ends, BackendError):
            raise self._ends
        if all(m.role != "assistant" for m in request.messages):
            call = {"regions": [{"view": 1, "box": [0, 0, 500, 500]}], "padding": 0.0}
            return f"<tool_call>{json.dumps({'name': 'zoom', 'arguments': call})}</tool_call>"
        return "<answer>[]</answer>"


def episodes(out: Path, teacher: Teacher, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(grounding_agent, "GroundingAgent", lambda policy: teacher)
    return run(["data", "episodes", str(out), "--json"])


@pytest.mark.parametrize(
    ("ends", "code", "said"),
    [
        (KeyboardInterrupt(), 130, ""),
        (BackendError("the server is gone."), 1, "8 failures in a row.*is gone.*goes on from here"),
        (OSError(28, "No space left on device"), 1, "disk"),
    ],
)
def test_episodes_go_on_where_they_were_stopped(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    ends: BaseException, code: int, said: str,
) -> None:  # fmt: skip
    before, held = (out / "samples.jsonl").read_bytes(), names(out)
    keys = {sample_key(s) for s in DataFolder(out).samples() if s.task in HELPFUL}
    assert episodes(out, Teacher(6, ends), monkeypatch) == code
    err = capsys.readouterr().err
    assert re.search(said, err) and err.count("\n") == bool(said)
    # Nothing is changed yet, and nothing lies about but what five questions brought.
    assert (out / "samples.jsonl").read_bytes() == before
    assert names(out) - held == {"episodes.part.jsonl"}
    again = Teacher(99, ends)
    assert episodes(out, again, monkeypatch) == 0
    assert again.asked == len(keys) - 5
    assert names(out) == held
    printed = json.loads(capsys.readouterr().out)
    kept = [s for s in DataFolder(out).samples() if s.episode is not None]
    assert sum(printed["asked"].values()) == 24
    assert sum(printed["kept"].values()) == len(kept) == 12
    assert all(not s.answer for s in kept)


def test_a_server_that_never_answers_ends_the_command(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    teacher, held = Teacher(1, BackendError("the server is gone.")), names(out)
    assert episodes(out, teacher, monkeypatch) == 1
    assert teacher.asked == 8 and "Does its server run?" in capsys.readouterr().err
    assert names(out) == held


def test_what_found_out_nothing_binds_nobody(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt model, killed before its first answer."""
    (out / "episodes.part.jsonl").write_text('{"policy":"taecher","settings":"0"}\n{"key":"a')
    assert episodes(out, Teacher(99, KeyboardInterrupt()), monkeypatch) == 0


def test_what_another_policy_began_is_not_mixed_with(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    episodes(out, Teacher(3, KeyboardInterrupt()), monkeypatch)
    capsys.readouterr()
    other = Teacher(99, KeyboardInterrupt(), "pupil")
    assert episodes(out, other, monkeypatch) == 2
    assert "begun with another policy (teacher)" in capsys.readouterr().err and not other.asked
    (out / "episodes.part.jsonl").unlink()
    assert episodes(out, other, monkeypatch) == 0


def test_two_passes_over_one_folder_do_not_mix(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with only_writer(out):
        assert episodes(out, Teacher(99, KeyboardInterrupt()), monkeypatch) == 1
    assert "another run is writing it" in capsys.readouterr().err


class Says:
    """Rewrites by saying please, until something ends it."""

    def __init__(self, after: int) -> None:
        self.asked, self._after = 0, after

    def __call__(self, prompt: str) -> str:
        self.asked += 1
        if self.asked == self._after:
            raise KeyboardInterrupt
        question = prompt.rpartition("\n")[2]
        return f"Please {question[0].lower()}{question[1:]}"


def reworded(
    out: Path, says: Says, monkeypatch: pytest.MonkeyPatch, model: str = "m"
) -> tuple[int, list[str]]:
    monkeypatch.setattr(rewriting, "openai_complete", lambda *_: says)
    code = run(["data", "rewrite", str(out), "--url", "http://h/v1", "--model", model])
    return code, [s.question for s in DataFolder(out).samples()]


def test_new_wordings_go_on_where_they_were_stopped(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    held, old = names(out), [s.question for s in DataFolder(out).samples()]
    assert reworded(out, Says(6), monkeypatch) == (130, old)
    assert names(out) - held == {"rewrite.part.jsonl"}
    assert reworded(out, Says(99), monkeypatch, "n") == (2, old)
    capsys.readouterr()
    says = Says(99)
    code, new = reworded(out, says, monkeypatch)
    assert code == 0 and says.asked == len(old) - 5 and names(out) == held
    changed = sum(a != b for a, b in zip(old, new, strict=True))
    assert changed > 0 and f"{changed} questions rewritten" in capsys.readouterr().out


def test_a_kill_between_the_samples_and_the_end_of_the_journal_asks_nothing_again(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as once:
        once.setattr("gemvg.training.data.work_over.DoneSoFar.remove", killed)
        code, new = reworded(out, Says(99), monkeypatch)
    assert code == 130
    says = Says(99)
    assert reworded(out, says, monkeypatch) == (0, new)
    assert says.asked == 0
