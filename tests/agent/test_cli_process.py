"""The command line as a process of its own: what only a real start can show."""

import json
import os
import subprocess
import sys

import pytest


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
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    done = subprocess.run([sys.executable, "-c", code], timeout=60, cwd=root, check=False)
    assert done.returncode == 0


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


def test_the_doctor_tells_a_broken_settings_file(gemvg, folder):
    (folder / "gemvg.toml").write_text("mode = 'fast'\n")
    outcome = gemvg("doctor")
    assert outcome.code == 1 and "MISSING" in outcome.out and "gemvg.toml: mode" in outcome.out
