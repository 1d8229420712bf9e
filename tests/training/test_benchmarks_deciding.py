"""Deciding measured by asking: three runs, each in its own mode and folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gemvg.agent import GroundingAgent
from gemvg.agent.settings import AskSettings
from gemvg.policy.policy import Completion, Request, Usage
from gemvg.policy.scripted import ScriptedPolicy
from gemvg.tools.errors import UsageError
from gemvg.training.benchmarks.deciding import TOKENS
from gemvg.training.benchmarks.evaluate import Chosen, decide
from gemvg.training.benchmarks.journal import read_journal
from tests.shared import SHARED, needs_shared


def speak(request: Request) -> Completion:
    """Thinks at length when told to; always says that nothing is there."""
    if request.mode == "think":
        return Completion(
            "<think>Let me look. Nothing.</think><answer>[]</answer>", usage=Usage(9, 40, 0, 1)
        )
    return Completion("[]", usage=Usage(9, 2, 0, 1))


@needs_shared
def test_missing_ways_are_asked_in_their_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(self: AskSettings, **_: Any) -> GroundingAgent:
        return GroundingAgent(ScriptedPolicy(speak), tools="none", mode=self.mode)

    monkeypatch.setattr(AskSettings, "make_agent", make)
    chosen = Chosen.of("photos", SHARED / "photos", ["absent", "retrieval"], 2)
    found = decide(chosen, {}, AskSettings(), tmp_path)
    ways = {w.name: w for w in found.ways}
    assert list(ways) == ["think", "direct", "auto", "oracle"] and found.unit == TOKENS
    assert ways["think"].tokens == 40.0 and ways["direct"].tokens == 2.0
    assert ways["think"].thinking == 100.0 and ways["direct"].thinking == 0.0
    assert ways["oracle"].tokens == 2.0 and found.headroom == 0.0
    assert ways["direct"].tasks["absent"][0] == 100.0
    for mode in ("think", "direct", "auto"):
        settings = json.loads((tmp_path / mode / "run.json").read_text())
        assert settings["asked"]["mode"] == mode
        assert len(read_journal(tmp_path / mode / "records.jsonl")) == 4
    again = decide(chosen, {"think": tmp_path / "think", "direct": tmp_path / "direct"}, None, None)
    assert [w.name for w in again.ways] == ["think", "direct", "oracle"]


@needs_shared
def test_both_modes_are_needed() -> None:
    chosen = Chosen.of("photos", SHARED / "photos", ["absent"], 1)
    with pytest.raises(UsageError, match="both needed"):
        decide(chosen, {}, None, None)
