"""The command line as a process of its own: what only a real start can show."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image

REPOSITORY = Path(__file__).parents[2]


def start(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "gemvg.agent.cli.main", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | environment,
        check=False,
    )


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from gemvg.agent.cli.main import run; run(['--help']); "
        "heavy = {'torch', 'numpy', 'PIL', 'langgraph', 'langchain_core', 'cv2', 'supervision', "
        "'transformers', 'scipy', 'httpx'} & set(sys.modules); "
        "print('heavy:', sorted(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "heavy: []"
    assert "ask" in done.stdout and "doctor" in done.stdout


def test_every_command_of_the_table_loads_and_helps(capsys):
    from gemvg.agent.cli.main import COMMANDS, make_app, run

    registered = {command.name for command in make_app().registered_commands}
    registered |= {group.name for group in make_app().registered_groups}
    assert registered == set(COMMANDS)
    for name in COMMANDS:
        assert run([name, "--help"]) == 0
        assert f"gemvg-agent {name}" in capsys.readouterr().out


def test_a_mistake_is_one_line_and_no_traceback(tmp_path):
    done = start("ask", "every dog", str(tmp_path / "missing.jpg"))
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.strip().splitlines()) == 1 and "no such file" in done.stderr


def test_asking_inside_a_child_that_was_forked():
    if not hasattr(os, "fork"):
        pytest.skip("this platform does not fork")
    code = (
        "import os, sys; from tests.agent.scripts import *; a = agent(answer(item())); "
        "a.ask('it', PICTURES); pid = os.fork()\n"
        "if pid == 0: os._exit(0 if a.ask('it', PICTURES).status == 'ok' else 7)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=60, cwd=REPOSITORY, check=False)
    assert done.returncode == 0


SLOW_TOOL = """
import atexit, signal, sys, time
# A shell's background job, and what it starts, ignores Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
from gemvg.agent.cli.main import main
from gemvg.policy import registry
from gemvg.policy.scripted import ScriptedPolicy
from gemvg.tools.zoom import Zoom
from tests.agent.scripts import zoom

def look(self, arguments, context):
    print("LOOKING", file=sys.stderr, flush=True)
    time.sleep(300)

Zoom.run = look
registry.load_policy = lambda spec, **options: ScriptedPolicy(lambda request: zoom())
atexit.register(lambda: print("AT THE END", file=sys.stderr))
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
@pytest.mark.parametrize(
    ("command", "interrupted", "code"),
    [
        (["ask", "it", "a.png", "-q"], True, 130),
        (["ask", "it", "a.png", "-q", "--json", "--max-seconds", "0.5"], False, 1),
        (["batch", "in.jsonl", "out.jsonl"], True, 130),
    ],
)
def test_the_end_does_not_wait_for_a_tool(tmp_path, command, interrupted, code):
    place = {"a.png": tmp_path / "a.png", "in.jsonl": tmp_path / "in.jsonl"}
    Image.new("RGB", (40, 30)).save(place["a.png"])
    lines = [{"custom_id": str(n), "query": "it", "images": ["a.png"]} for n in range(3)]
    place["in.jsonl"].write_text("".join(json.dumps(line) + "\n" for line in lines))
    place["out.jsonl"] = tmp_path / "out.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_TOOL, *(str(place.get(word, word)) for word in command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env=os.environ | {"XDG_CONFIG_HOME": str(tmp_path)},
    )
    late = threading.Timer(60, process.kill)
    late.start()
    said = []
    while not said or said[-1] not in ("LOOKING\n", ""):
        said.append(process.stderr.readline())
    if interrupted:
        process.send_signal(signal.SIGINT)
    err = "".join(said) + process.stderr.read()
    out = process.stdout.read()
    process.wait()
    late.cancel()
    assert process.returncode == code, err
    assert "AT THE END" in err and "Traceback" not in err
    assert not out or json.loads(out)["usage"]["stop_reason"] == "max-seconds"


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
@pytest.mark.parametrize(
    ("redirected", "code", "words"),
    [
        ("policies > /dev/full", 1, "no space left on device"),
        ("--version > /dev/full", 1, "no space left on device"),
        ("policies | true", 0, ""),
        ("--version | true", 0, ""),
        ("batch - out.jsonl <&-", 2, "standard input is closed"),
        ("policies >&-", 0, ""),
        ("policies 2>&-", 0, ""),
        ("ask it missing.png 2>&-", 2, ""),
    ],
)
def test_streams_that_are_closed_or_full_are_one_line_at_most(tmp_path, redirected, code, words):
    if "/dev/full" in redirected and not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    line = f'"$0" -m gemvg.agent.cli.main {redirected}; echo "code ${{PIPESTATUS[0]}}"'
    done = subprocess.run(
        ["bash", "-c", line, sys.executable],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env=os.environ | {"XDG_CONFIG_HOME": str(tmp_path)},
    )
    assert done.stdout.splitlines()[-1] == f"code {code}"
    assert "Traceback" not in done.stderr and words in done.stderr
    assert len(done.stderr.splitlines()) <= 1


def test_the_doctor_says_what_is_there(gemvg):
    outcome = gemvg("doctor", "--json")
    report = json.loads(outcome.out)
    found = {finding["what"]: finding for finding in report["findings"]}
    assert found["policy"]["state"] == "ok" and found["tools"]["state"] == "ok"
    assert outcome.code == (0 if report["healthy"] else 1)
    for finding in report["findings"]:
        assert finding["state"] == "ok" or finding["cure"]
    plain = gemvg("doctor")
    assert plain.code == outcome.code and "python" in plain.out


@pytest.mark.parametrize(
    ("text", "words"), [("mode = 'fast'", "gemvg.toml: mode"), ("tools = 5", "gemvg.toml: tools")]
)
def test_the_doctor_tells_a_broken_settings_file(gemvg, folder, text, words):
    (folder / "gemvg.toml").write_text(text)
    outcome = gemvg("doctor")
    assert outcome.code == 1 and "MISSING" in outcome.out and words in outcome.out


@pytest.mark.parametrize("option", ["DETECTOR", "OPEN_DETECTOR"])
@pytest.mark.parametrize(
    ("spec", "state"),
    [("gone.pt", "missing"), ("no such", "missing"), ("mine.pt", "ok"), (".", "ok"), ("a/b", "ok")],
)
def test_the_doctor_looks_for_detectors_of_ones_own(
    gemvg, folder, monkeypatch, option, spec, state
):
    (folder / "mine.pt").touch()
    monkeypatch.setenv(f"GEMVG_{option}", spec)
    outcome = gemvg("doctor", "--json")
    found = {finding["what"]: finding for finding in json.loads(outcome.out)["findings"]}
    seen = found[option.lower().replace("_", " ")]
    assert seen["state"] == state and spec in seen["detail"]
    assert outcome.code == (state == "missing")


def test_the_doctor_tells_a_cache_that_is_nowhere(gemvg, monkeypatch):
    monkeypatch.setenv("GEMVG_CACHE", "~no-such-user-here/weights")
    found = {f["what"]: f for f in json.loads(gemvg("doctor", "--json").out)["findings"]}
    assert found["cache"]["state"] == "missing" and "GEMVG_CACHE" in found["cache"]["cure"]


def test_the_doctor_says_nothing_to_the_terminal_itself(gemvg, folder):
    (folder / "gemvg.toml").write_text('detector = "\\u001b]0;owned\\u0007mine.pt"\n')
    outcome = gemvg("doctor")
    assert "mine.pt" in outcome.out and "\x1b" not in outcome.out


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-16", "UTF8"])
def test_json_can_be_read_whatever_standard_output_is(folder, gemvg, monkeypatch, encoding):
    name = "größe \u732b.png"
    Image.new("RGB", (40, 30)).save(folder / name)
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding, errors="replace"))
    assert gemvg("ask", "it", name, "--json", "-q").code == 0
    sys.stdout.flush()
    answer = json.loads(written.getvalue().decode(encoding))
    assert answer["images"][0]["source"] == name
    plain = encoding == "UTF8"
    assert (name in written.getvalue().decode(encoding)) == plain


UNHEARD = """
from gemvg.agent.cli.main import main
from gemvg.policy import registry
from gemvg.policy.scripted import ScriptedPolicy
from tests.agent.scripts import answer, item

registry.load_policy = lambda spec, **options: ScriptedPolicy([answer(item())] * 2)
main()
"""


@pytest.mark.parametrize(
    ("full", "unbuffered"), [(False, ""), (True, "1")], ids=["no reader", "full disk"]
)
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("ask it a.png --json --save out", 0),
        ("batch in.jsonl out.jsonl", 1),
        # Here the errors are what is lost.
        ("batch in.jsonl -", 1),
    ],
)
def test_a_result_is_not_lost_because_nobody_hears_how_it_goes(
    tmp_path, full, unbuffered, command, code
):
    if full and not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    line = {"custom_id": "q", "query": "it", "images": ["a.png"]}
    (tmp_path / "in.jsonl").write_text(f"{json.dumps(line)}\nno question\n")
    if full:
        unheard = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, unheard = os.pipe()
        os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", UNHEARD, *command.split(), "--tools", "none"],
        stdout=subprocess.PIPE,
        stderr=unheard,
        timeout=120,
        cwd=tmp_path,
        env=os.environ
        | {
            "XDG_CONFIG_HOME": str(tmp_path),
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONUNBUFFERED": unbuffered,
        },
        check=False,
    )
    os.close(unheard)
    assert done.returncode == code
    if command.startswith("ask"):
        assert json.loads(done.stdout)["status"] == "ok"
        assert (tmp_path / "out" / "answer.json").is_file()
    elif not command.endswith("-"):
        assert json.loads((tmp_path / "out.jsonl").read_bytes())["status"] == "ok"
