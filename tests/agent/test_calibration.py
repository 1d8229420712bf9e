import asyncio
import json
import random
import re

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from gemvg.agent import GroundingAgent
from gemvg.agent.calibration import LabelledQuestion, Trial, accuracy, fit, run_trials
from gemvg.agent.cli.main import make_app, run
from gemvg.agent.labelled import read_labelled
from gemvg.agent.rules import EscalationRules, load_rules, save_rules
from gemvg.policy.dialects import get_dialect
from gemvg.policy.policy import Completion, Token, Usage
from gemvg.policy.scripted import ScriptedPolicy
from gemvg.tools.boxes import Box, GroundedBox
from gemvg.tools.errors import DataError, UsageError

PICTURE = np.zeros((100, 100, 3), np.uint8)
RIGHT, WRONG = [100, 100, 500, 500], [600, 600, 900, 900]
TRUTH = (GroundedBox(1, Box(10, 10, 50, 50)),)
THOUGHT = "<think>" + "looking at every part of the picture in turn " * 36 + "</think>"


def said(box, sure, thinking):
    """A completion whose coordinate tokens have the given least probability."""
    numbers = json.dumps(box)
    text = '[{"image": 1, "bbox_2d": ' + numbers + ', "label": "it"}]'
    pieces = re.findall(r"\d|[^\d]+", text)
    first = next(k for k, piece in enumerate(pieces) if piece.endswith('d": [')) + 1
    tokens = [Token(piece, -0.001) for piece in pieces]
    tokens[first] = Token(pieces[first], float(np.log(sure)))
    written = len(pieces) + (len(re.findall(r"\w+|\W", THOUGHT)) if thinking else 0)
    return Completion(
        (THOUGHT if thinking else "") + text,
        tokens=tuple(tokens),
        usage=Usage(100, written, 50, 1),
    )


def policy_of(seed):
    """Direct is right on half of the questions and unsure on the others; thinking is the reverse.

    How sure it is of a token is drawn, so the two halves overlap as they do in life: a little.
    """

    def script(request):
        number = int(re.search(r"\d+", request.query).group())
        rng = random.Random(seed * 100_003 + number)
        hard = number % 2 == 0
        sure = rng.betavariate(3, 9) if hard else rng.betavariate(40, 2)
        if request.mode == "think":
            return said(RIGHT if hard else WRONG, 0.9, thinking=True)
        return said(WRONG if hard else RIGHT, sure, thinking=False)

    return ScriptedPolicy(script, get_dialect("qwen3-vl"), name=f"half-{seed}")


def questions(count, start=1):
    return [
        LabelledQuestion(f"find thing number{k}", (PICTURE,), TRUTH)
        for k in range(start, start + count)
    ]


def answered(agent, asked, mode):
    answers = [agent.ask(q.query, q.images, mode=mode) for q in asked]
    right = [accuracy(a.boxes(), q.answer) for a, q in zip(answers, asked, strict=True)]
    spent = [a.usage["completion_tokens"] for a in answers]
    return float(np.mean(right)), float(np.mean(spent)), answers


@pytest.mark.parametrize("seed", [0, 1])
def test_auto_after_calibration_reaches_the_chooser_for_less(seed):
    import asyncio

    policy = policy_of(seed)
    agent = GroundingAgent(policy, tools="none", rules=EscalationRules())
    fitted = fit(asyncio.run(run_trials(agent, questions(120))))
    assert fitted.chooser.accuracy == 1.0
    # On questions that it was not fitted on:
    fresh = questions(200, start=1001)
    calibrated = GroundingAgent(policy, tools="none", rules=fitted.rules())
    auto, auto_tokens, answers = answered(calibrated, fresh, "auto")
    think, think_tokens, _ = answered(calibrated, fresh, "think")
    assert think == 0.5
    assert auto >= 1.0 - 0.01
    assert auto_tokens <= 0.60 * think_tokens
    hard = answers[1]
    assert hard.mode.used == "think"
    assert "least certain coordinate token had probability" in hard.mode.why
    assert answers[0].mode.used == "direct"


def test_the_fit_takes_the_cheapest_of_the_best():
    trials = [
        Trial(1.0, 1.0, 10, 100, 0.9, False),
        Trial(0.0, 1.0, 10, 100, 0.2, False),
        Trial(0.0, 0.0, 10, 100, 0.1, False),
        Trial(0.0, 1.0, 10, 100, None, True),
    ]
    result = fit(trials)
    # 0.2 is worth thinking over and comes after 0.1, which is not: both are thought over.
    assert 0.2 < result.rules().threshold < 0.9
    assert result.chosen.accuracy == 0.75
    assert result.chosen.tokens == (10 + 110 * 3) / 4
    assert result.direct.accuracy == 0.25
    assert result.chooser.accuracy == 0.75


def test_thinking_that_never_helps_is_never_chosen():
    trials = [Trial(1.0, 0.5, 10, 100, p, False) for p in (0.1, 0.5, 0.9)]
    assert fit(trials).rules().threshold == 0.0


def test_no_probabilities_no_fit():
    with pytest.raises(DataError, match="no token probabilities"):
        fit([Trial(1.0, 1.0, 1, 1, None, False)])
    with pytest.raises(DataError):
        fit([])


def test_a_question_that_cant_be_asked_costs_no_other(caplog):
    asked = [*questions(2), LabelledQuestion("find number1", ("gone.png",), TRUTH)]
    agent = GroundingAgent(policy_of(0), tools="none")
    trials = asyncio.run(run_trials(agent, asked))
    assert trials == asyncio.run(run_trials(agent, questions(2)))
    assert "gone.png: no such file" in caplog.text
    with pytest.raises(DataError, match="no question could be answered"):
        asyncio.run(run_trials(agent, asked[2:]))


@pytest.mark.parametrize(
    ("found", "truth", "expected"),
    [
        ([], [], 1.0),
        ([(1, (0, 0, 10, 10))], [], 0.0),
        ([], [(1, (0, 0, 10, 10))], 0.0),
        ([(1, (0, 0, 10, 10))], [(1, (0, 0, 10, 10))], 1.0),
        ([(2, (0, 0, 10, 10))], [(1, (0, 0, 10, 10))], 0.0),
        ([(1, (0, 0, 10, 10))] * 2, [(1, (0, 0, 10, 10))], 2 / 3),
        ([(1, (0, 0, 10, 4))], [(1, (0, 0, 10, 10))], 0.0),
    ],
)
def test_accuracy(found, truth, expected):
    def boxes(items):
        return [GroundedBox(image, Box(*map(float, box))) for image, box in items]

    assert accuracy(boxes(found), boxes(truth)) == pytest.approx(expected)


def test_rules_are_kept_for_their_policy_only(tmp_path):
    file = tmp_path / "deep" / "calibration.json"
    mine, other = policy_of(1), policy_of(2)
    assert load_rules(mine, file) == EscalationRules()
    save_rules(mine, EscalationRules(0.42), {"questions": 7}, file)
    save_rules(other, EscalationRules(0.9, count_check=False), {}, file)
    assert load_rules(mine, file) == EscalationRules(0.42, calibrated=True)
    assert load_rules(other, file) == EscalationRules(0.9, False, calibrated=True)
    file.write_text('{"half-1 | qwen3-vl": {"threshold": "high"}}')
    with pytest.raises(UsageError, match="no probability"):
        load_rules(mine, file)
    file.write_text("{")
    with pytest.raises(UsageError, match="can't be read"):
        load_rules(mine, file)


def test_the_command_fits_plots_and_keeps(tmp_path, monkeypatch):
    from gemvg.policy import registry

    monkeypatch.setattr(registry, "load_policy", lambda *_, **__: policy_of(0))
    Image.new("RGB", (100, 100)).save(tmp_path / "a.png")
    lines = [
        {"query": f"find number{k}", "images": ["a.png"],
         "answer": [{"image": 1, "box": [10, 10, 50, 50]}]}
        for k in range(40)
    ]  # fmt: skip
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    out, plot = tmp_path / "rules.json", tmp_path / "curve.png"
    arguments = ["calibrate", str(file), "--policy", "http://nowhere", "--out", str(out)]
    done = CliRunner().invoke(make_app("calibrate"), [*arguments, "--plot", str(plot), "--json"])
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert record["accuracy_chooser"] == 1.0
    assert record["accuracy"] >= 0.95
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert load_rules(policy_of(0), out).threshold == pytest.approx(record["threshold"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "not a JSON object"),
        ('{"query": "x", "images": ["a.png"]}', "answer"),
        ('{"query": "x", "images": ["a.png"], "answer": [{"image": 2, "box": [0,0,1,1]}]}', "can"),
        ('{"query": "x", "images": ["a.png"], "answer": [{"image": 1, "box": [1,1,1,1]}]}', "can"),
    ],
)
def test_a_damaged_line_is_named(tmp_path, line, message):
    file = tmp_path / "q.jsonl"
    file.write_text('{"query": "x", "images": ["a.png"], "answer": []}\n' + line)
    with pytest.raises(DataError, match=f"line 2.*{message}"):
        read_labelled(file)
    assert len(read_labelled(file, limit=1)) == 1


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_a_line_ends_at_its_line_break_only(tmp_path, separator):
    file = tmp_path / "q.jsonl"
    line = json.dumps(
        {"query": f"a{separator}b", "images": ["a.png"], "answer": []}, ensure_ascii=False
    )
    file.write_bytes(b"\xef\xbb\xbf" + f"{line}\r\n{line}".encode())
    assert [question.query for question in read_labelled(file)] == [f"a{separator}b"] * 2


def test_where_rules_can_not_be_kept_nothing_is_asked(tmp_path, monkeypatch, capsys):
    from gemvg.policy import registry

    asked = []
    policy = ScriptedPolicy(lambda request: asked.append(request) or "[]", get_dialect("qwen3-vl"))
    monkeypatch.setattr(registry, "load_policy", lambda *_, **__: policy)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "file").write_text("no rules")
    Image.new("RGB", (100, 100)).save(tmp_path / "a.png")
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"query": "x", "images": ["a.png"], "answer": []}')
    for out in (tmp_path / "file", tmp_path / "file" / "rules.json", tmp_path):
        assert run(["calibrate", str(questions), "--out", str(out)]) in (1, 2)
        assert not asked and len(capsys.readouterr().err.splitlines()) == 1
