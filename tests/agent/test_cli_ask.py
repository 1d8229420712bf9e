"""`gemvg-agent ask`: what goes where, and what every bad input gets."""

import errno
import json
import os

import pytest

from gemvg.tools.errors import PolicyError
from tests.agent.scripts import answer, item, zoom


def one_line(text):
    """The message that a user's mistake gets: one line, no traceback, our name first."""
    lines = text.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("gemvg-agent: ") and "Traceback" not in text
    return lines[0]


def everything_under(folder):
    return {os.path.join(base, name) for base, _, names in os.walk(folder) for name in names}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing.jpg", "no such file"),
        ("subfolder", "is a folder"),
        ("text.jpg", "not a picture"),
        ("empty.png", "empty"),
        ("truncated.jpg", "damaged"),
        ("bomb.png", "pixels"),
        ("http://example.org/a.jpg", "not fetched"),
        ("file:///etc/hostname", "not fetched"),
        ("", "name is empty"),
    ],
)
def test_a_picture_that_cant_be_used_is_told_in_one_line(gemvg, odd, name, words):
    before = everything_under(odd.parent)
    outcome = gemvg("ask", "the cat", "good.jpg", name, "--json")
    assert (outcome.code, outcome.out) == (2, "")
    line = one_line(outcome.err)
    assert words in line and (name in line or not name)
    assert everything_under(odd.parent) == before


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("one.png", (1, 1)),
        ("wide.png", (30_000, 12)),
        ("cmyk.jpg", (80, 60)),
        ("deep.png", (80, 60)),
        ("palette.png", (80, 60)),
        ("moving.gif", (80, 60)),
    ],
)
def test_an_odd_picture_is_answered_and_drawn(gemvg, odd, name, size):
    before = everything_under(odd.parent)
    outcome = gemvg("ask", "the cat", name, "--json", "--save", "out", "-q")
    assert outcome.code == 0
    result = json.loads(outcome.out)
    assert (result["images"][0]["width"], result["images"][0]["height"]) == size
    assert result["status"] == "ok"
    new = everything_under(odd.parent) - before
    stem = name.split(".")[0]
    assert {os.path.relpath(path, odd) for path in new} == {
        f"out/01-{stem}.jpg",
        "out/sheet.jpg",
        "out/answer.json",
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ask", "the cat"], "no pictures"),
        (["ask", "the cat", *["good.jpg"] * 200], "200 pictures"),
        (["ask", f"Find the cat. {'It is grey ' * 40}"], "no pictures"),
        (["ask", "the cat", f"{'x' * 300}.jpg"], "the name is too long for a file"),
        (["ask", "", "good.jpg"], "question is empty"),
        (["ask", " \t ", "good.jpg"], "question is empty"),
        (["ask", "good.jpg"], "question comes first"),
        (["ask"], "Missing argument"),
        (["ask", "it", "good.jpg", "--mode", "fast"], "--mode: 'fast'"),
        (["ask", "it", "good.jpg", "--tools", "fly"], "no tool fly"),
        (["ask", "it", "good.jpg", "--max-steps", "many"], "--max-steps"),
        (["ask", "it", "good.jpg", "--max-steps", "-1"], "--max-steps"),
        (["ask", "it", "good.jpg", "--frobnicate"], "--frobnicate"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(gemvg, odd, arguments, words):
    outcome = gemvg(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert words in one_line(outcome.err)


@pytest.mark.parametrize(
    ("says", "code", "head"),
    [
        ([answer(item())], 0, "1 box"),
        ([answer()], 0, "none"),
        (["The weather was lovely."], 1, "unparsable"),
        ([zoom()], 1, "failed"),
    ],
)
def test_exit_codes_and_headlines(gemvg, odd, says, code, head):
    outcome = gemvg("ask", "it", "good.jpg", says=says)
    assert outcome.code == code
    assert outcome.out.startswith(head)


def test_the_table_is_plain_in_a_pipe_and_holds_every_box(gemvg, odd):
    says = [answer(item(1, (0, 0, 500, 500), "red cat"), item(2, (500, 500, 1000, 1000), "dog"))]
    outcome = gemvg("ask", "it", "good.jpg", "palette.png", says=says)
    assert "\x1b" not in outcome.out
    rows = outcome.out.splitlines()
    assert rows[0] == "2 boxes in 2 of 2 pictures"
    assert rows[2].split() == ["1", "1", "red", "cat", "0", "0", "40", "30", "good.jpg"]
    assert rows[3].split() == ["2", "2", "dog", "40", "30", "80", "60", "palette.png"]


def test_json_is_one_object_and_steps_go_to_standard_error(gemvg, odd):
    outcome = gemvg("ask", "it", "good.jpg", "--json", says=[zoom(), answer(item())])
    assert json.loads(outcome.out)["steps"][0]["tool"] == "zoom"
    assert "zoom" in outcome.err and outcome.out.count("\n") == 1
    assert gemvg("ask", "it", "good.jpg", "--json", "-q").err == ""


def test_the_settings_file_in_use_is_told(gemvg, odd):
    (odd / "gemvg.toml").write_text("mode = 'think'\n")
    outcome = gemvg("ask", "it", "good.jpg", "--json")
    assert "gemvg.toml" in outcome.err
    assert json.loads(outcome.out)["mode"]["asked"] == "think"


def test_a_failure_still_prints_the_answer_object(gemvg, odd):
    outcome = gemvg("ask", "it", "good.jpg", "--json", "-q", says=[zoom()])
    assert outcome.code == 1
    assert json.loads(outcome.out)["error"]["kind"] == "budget"
    assert "budget" in one_line(outcome.err)


def test_model_text_can_not_reach_the_terminal_as_commands(gemvg, odd):
    nasty = "cat\x1b[2J\x1b]0;owned\x07\u202e[bold]x[/bold]"
    says = [f"<think>{nasty}</think>" + answer(item(label=nasty))]
    outcome = gemvg("ask", "it", "good.jpg", says=says)
    assert not set(outcome.out + outcome.err) & {"\x1b", "\x07", "\u202e"}
    assert "[bold]x[/bold]" in outcome.out


def test_a_files_name_can_not_reach_the_terminal_as_commands(gemvg, odd):
    name = "x\x1b]0;PWNED\x07\x1b[31m\u202e.jpg"
    (odd / name).write_bytes((odd / "truncated.jpg").read_bytes())
    outcome = gemvg("ask", "it", name)
    assert outcome.code == 2 and "damaged" in one_line(outcome.err)
    assert not set(outcome.err) & {"\x1b", "\x07", "\u202e"}


def test_a_policys_error_can_not_reach_the_terminal_as_commands(gemvg, odd):
    def says(request):
        raise PolicyError("no \x1b[31mway\nout")

    outcome = gemvg("ask", "it", "good.jpg", "-q", says=says)
    assert outcome.code == 1 and one_line(outcome.err) == "gemvg-agent: no way out"


@pytest.mark.parametrize("name", [b"caf\xe9.png", b"\xff\xfe"])
def test_a_name_that_is_no_text_is_answered_and_saved(gemvg, odd, name):
    place, query = os.fsdecode(name), os.fsdecode(b"the caf\xe9")
    try:
        (odd / place).write_bytes((odd / "good.jpg").read_bytes())
    except (OSError, UnicodeError):
        pytest.skip("this file system has no such names")
    outcome = gemvg("ask", query, place, "--json", "--save", "out", "-q")
    assert outcome.code == 0
    for text in (outcome.out, (odd / "out" / "answer.json").read_text()):
        result = json.loads(text)
        assert result["images"][0]["source"] == name.decode("utf-8", "replace")
        assert result["query"] == "the caf\ufffd"


def test_what_nobody_reads_is_still_saved(gemvg, odd, monkeypatch):
    def gone(self, *words):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr("rich.console.Console.print", gone)
    assert gemvg("ask", "it", "good.jpg", "--save", "out", "-q").code == 0
    assert "answer.json" in os.listdir(odd / "out")


def test_save_refuses_a_file_and_writes_nothing(gemvg, odd):
    outcome = gemvg("ask", "it", "good.jpg", "--save", "text.jpg")
    assert outcome.code == 1 and "folder can't be made" in one_line(outcome.err)


@pytest.mark.parametrize("name", ["sheet.jpg", "01-good.jpg", "link.jpg"])
def test_no_picture_is_replaced_by_what_is_saved(gemvg, odd, name):
    (odd / "link.jpg").symlink_to("sheet.jpg")
    for other in ("sheet.jpg", "01-good.jpg"):
        (odd / other).write_bytes((odd / "good.jpg").read_bytes())
    outcome = gemvg("ask", "it", "good.jpg", name, "--save", ".", "-q")
    assert outcome.code == 2 and "is one of the pictures" in outcome.err
    assert (odd / name).read_bytes() == (odd / "good.jpg").read_bytes()
    assert gemvg("ask", "it", "good.jpg", name, "--save", "out", "-q").code == 0


def test_two_pictures_of_one_name_are_both_saved(gemvg, odd):
    (odd / "subfolder" / "good.jpg").write_bytes((odd / "good.jpg").read_bytes())
    assert gemvg("ask", "it", "good.jpg", "subfolder/good.jpg", "--save", "out", "-q").code == 0
    assert {"01-good.jpg", "02-good.jpg"} <= set(os.listdir(odd / "out"))


def test_a_question_without_an_answer_saves_no_pictures_that_look_like_none(gemvg, odd):
    outcome = gemvg("ask", "it", "good.jpg", "--save", "out", "-q", says=[zoom()])
    assert (outcome.code, os.listdir("out")) == (1, ["answer.json"])
    assert "no pictures are marked" in outcome.err
    saved = json.loads((odd / "out" / "answer.json").read_text())
    assert saved["status"] == "failed" and saved["error"]["message"] in outcome.err
    assert gemvg("ask", "it", "good.jpg", "--save", "out", "-q", says=[answer()]).code == 0
    assert {*os.listdir("out")} == {"01-good.jpg", "sheet.jpg", "answer.json"}
