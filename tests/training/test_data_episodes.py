"""Tool episodes: kept with the samples only where tools were used and the answer is right."""

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemvg.agent.answer import Answer
from gemvg.agent.cli.main import run
from gemvg.agent.grounding_agent import GroundingAgent
from gemvg.policy.dialect import ReadContext
from gemvg.policy.dialects.gemvg import GemvgDialect
from gemvg.policy.policy import Request
from gemvg.policy.scripted import ScriptedPolicy
from gemvg.tools.boxes import Box, GroundedBox
from gemvg.training.data.build import build
from gemvg.training.data.export import family_context
from gemvg.training.data.folder import DataFolder
from gemvg.training.data.sample import Sample
from gemvg.training.data.teacher.episodes import HELPFUL, EpisodeReport, f1, with_episodes
from tests.training.data_fixtures import make_coco, recipe

ZOOM = (
    '<tool_call>{"name": "zoom", "arguments": '
    '{"regions": [{"view": 1, "box": [0, 0, 500, 500]}], "padding": 0.0}}</tool_call>'
)
KINDS = ("right", "wrong", "without tools", "unreadable")


class Told(GroundingAgent):
    """Looks once and answers as its sample's kind says; the tools are the real ones."""

    def __init__(self, folder: DataFolder) -> None:
        super().__init__(ScriptedPolicy(self._say, name="teacher"), mode="direct", tools=["zoom"])
        self.kinds: dict[str, str] = {}
        self._samples = {self._key(folder, s): s for s in folder.samples()}
        self._now: Sample | None = None

    @staticmethod
    def _key(folder: DataFolder, sample: Sample) -> tuple[object, ...]:
        return sample.question, *(str(folder.picture(ref)) for ref in sample.images)

    def ask(self, query: str, images: Sequence[Any], **more: Any) -> Answer:
        self._now = self._samples[(query, *map(str, images))]
        self.kinds[self._now.id] = KINDS[len(self.kinds) % len(KINDS)]
        return super().ask(query, images, **more)

    def _say(self, request: Request) -> str:
        sample = self._now
        assert sample is not None
        kind = self.kinds[sample.id]
        if kind != "without tools" and all(m.role != "assistant" for m in request.messages):
            return ZOOM
        if kind == "unreadable":
            return "I am not sure."
        boxes = [b.grounded() for b in sample.answer]
        if kind == "wrong":
            boxes = [*boxes[1:], GroundedBox(1, Box(0.0, 0.0, 6.0, 6.0), "speck")]
        context: ReadContext = family_context(sample, "gemvg")
        return f"<answer>{GemvgDialect().write(boxes, context)}</answer>"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_coco(tmp_path_factory.mktemp("coco"))
    build(recipe(size=48), folder / "out", folder, workers=1)
    return folder


def test_only_right_answers_that_used_tools_are_kept(built: Path) -> None:
    folder, report = DataFolder(built / "out"), EpisodeReport()
    agent = Told(folder)
    before = {s.id: s for s in folder.samples()}
    after = list(with_episodes(folder, agent, report))
    assert [s.id for s in after] == list(before)
    for sample in after:
        right = agent.kinds.get(sample.id) == "right"
        assert (sample.episode is not None) == right
        assert sample.model_copy(update={"episode": None}) == before[sample.id]
        if sample.episode is None:
            continue
        (step,) = sample.episode.steps
        assert step.tool == "zoom" and step.ok and step.arguments["regions"][0]["view"] == 1
        # Arguments are pixels of the view: the model's 500 is half of the picture's width.
        assert step.arguments["regions"][0]["box"][2] == pytest.approx(
            sample.images[0].width / 2, abs=1
        )
        assert sample.episode.policy == "teacher" and sample.episode.f1 == 1.0
        found = [b.grounded() for b in sample.episode.answer]
        assert f1(found, [b.grounded() for b in sample.answer], 0.9) == 1.0
    helpful = Counter(s.task for s in after if s.task in HELPFUL)
    assert report.asked == helpful and set(agent.kinds) == {
        s.id for s in after if s.task in HELPFUL
    }
    assert report.kept == {
        task: sum(s.episode is not None for s in after if s.task == task) for task in helpful
    }
    # Nothing there and no readable answer is not the same as "nothing there".
    statuses = sum((Counter(c) for c in report.statuses.values()), Counter[str]())
    assert statuses["unparsable"] == sum(kind == "unreadable" for kind in agent.kinds.values())


def test_at_most_so_many_are_asked(built: Path) -> None:
    folder, report = DataFolder(built / "out"), EpisodeReport()
    assert len(list(with_episodes(folder, Told(folder), report, 1))) == 48
    assert set(report.asked.values()) == {1}


def test_the_command_writes_them_beside_the_samples(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from gemvg.agent import grounding_agent

    shutil.copytree(built, tmp_path / "c")
    out = tmp_path / "c" / "out"
    told = Told(DataFolder(out))
    monkeypatch.setattr(grounding_agent, "GroundingAgent", lambda policy: told)
    assert run(["data", "episodes", str(out), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    samples = list(DataFolder(out).samples())
    assert len(samples) == 48
    assert sum(printed["kept"].values()) == sum(s.episode is not None for s in samples) > 5
    assert sorted(p.name for p in out.iterdir()) == sorted(
        p.name for p in (built / "out").iterdir()
    )


BOXES = st.lists(
    st.builds(
        lambda k, x, y: GroundedBox(k, Box(x, y, x + 5.0, y + 5.0), "a"),
        st.integers(1, 3), st.integers(0, 40).map(float), st.integers(0, 40).map(float),
    ),
    max_size=6,
)  # fmt: skip


@given(BOXES, BOXES)
def test_f1_is_symmetric_and_one_for_the_same(a: list[GroundedBox], b: list[GroundedBox]) -> None:
    assert f1(a, a) == 1.0
    assert 0.0 <= f1(a, b) <= 1.0 and f1(a, b) == pytest.approx(f1(b, a))
    elsewhere = [GroundedBox(4, x.box, x.label) for x in a]
    assert f1(elsewhere, b) == (1.0 if not a and not b else 0.0)


def test_as_many_boxes_are_right_as_can_be() -> None:
    """Things in a row, each box half over the next: two exact pairs leave no place for a third."""
    row = [GroundedBox(1, Box(x, 0.0, x + 30.0, 10.0)) for x in (-10.0, 0.0, 10.0, 20.0)]
    assert f1(row[:3], row[1:]) == 1.0
