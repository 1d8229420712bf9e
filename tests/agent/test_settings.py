"""Settings: which place wins, and what a mistake in each says."""

import os
from pathlib import Path

import pytest

from gemvg.agent.rules import rules_file
from gemvg.agent.settings import AskSettings, settings_files
from gemvg.tools.errors import UsageError


def load(arguments=None, environ=None, files=()):
    return AskSettings.load(arguments, environ=environ or {}, files=tuple(files) or None)


@pytest.fixture
def toml(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "config"))

    def write(text, user=False):
        file = settings_files()[1 if user else 0]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    return write


def test_the_defaults(toml):
    settings = load()
    assert (settings.policy, settings.mode, settings.max_steps) == ("nano", "auto", 8)
    assert settings.tools == ("zoom", "detect", "match", "compare")


def test_the_nearer_place_wins(toml):
    toml("max_steps = 1\nseed = 1\nmax_views = 1\nmode = 'think'\n", user=True)
    toml("max_steps = 2\nseed = 2\nmax_views = 2\n[serve]\nport = 1\n")
    settings = load({"max_steps": 4, "seed": None}, {"GEMVG_MAX_STEPS": "3", "GEMVG_SEED": "3"})
    assert (settings.max_steps, settings.seed, settings.max_views, settings.mode) == (
        4,
        3,
        2,
        "think",
    )


@pytest.mark.parametrize(
    ("given", "tools"),
    [
        ("zoom, Detect", ("zoom", "detect")),
        (["match", "match"], ("match",)),
        ("none", ()),
        ("", ()),
        ("all", ("zoom", "detect", "match", "compare")),
    ],
)
def test_tools_as_words_and_lists(toml, given, tools):
    assert load({"tools": given}).tools == tools


@pytest.mark.parametrize(
    ("arguments", "environ", "text", "words"),
    [
        ({"mode": "fast"}, {}, "", "--mode: 'fast'"),
        ({"max_steps": 0}, {}, "", "--max-steps: '0'"),
        ({"tools": "zoom,fly"}, {}, "", "there is no tool fly"),
        ({}, {"GEMVG_TEMPERATURE": "warm"}, "", "GEMVG_TEMPERATURE: 'warm'"),
        ({}, {}, "strategy = 'both'", "gemvg.toml: strategy: 'both'"),
        ({}, {}, "stratgy = 'poll'", "gemvg.toml: stratgy: there is no such option"),
        ({}, {}, "mode = ", "not valid TOML"),
        pytest.param({}, {}, f"seed = {'9' * 5000}", "not valid TOML", id="long number"),
        pytest.param({}, {}, f"tools = {'[' * 5000}", "not valid TOML", id="deep list"),
        ({}, {}, "tools = 5", "gemvg.toml: tools: '5' can't be used: 5 is no name of a tool"),
        ({}, {}, "tools = ['zoom', 1]", "1 is no name of a tool"),
        ({}, {}, "tools = [['zoom']]", "['zoom'] is no name of a tool"),
        ({}, {}, "tools = true", "True is no name of a tool"),
        ({}, {}, "policy = 5", "gemvg.toml: policy: '5'"),
        ({}, {}, "url_hosts = 5", "gemvg.toml: url_hosts: '5'"),
    ],
)
def test_a_mistake_names_its_place_in_one_line(toml, arguments, environ, text, words):
    toml(text)
    with pytest.raises(UsageError) as caught:
        load(arguments, environ)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_variables_of_other_parts_are_left_alone(toml):
    assert load(environ={"GEMVG_SHARED": "/x", "GEMVG_CACHE": "/y", "GEMVG_SEED": ""}).seed == 0


def test_an_agent_is_made_of_its_settings(toml):
    settings = load({"tools": "zoom", "max_steps": 3, "mode": "think", "seed": 9})
    made = settings.make_agent()
    assert list(made.tools) == ["zoom"] and made.policy.dialect.name == "nano"
    assert (made.options.mode, made.options.seed, made.options.budgets.max_steps) == ("think", 9, 3)


def test_a_byte_order_mark_is_no_part_of_a_file(toml):
    toml("\ufeffmax_steps = 2\r\n")
    assert load().max_steps == 2


def test_a_user_without_a_home_is_told_what_to_set(toml, monkeypatch):
    def homeless(cls):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", classmethod(homeless))
    assert load().max_steps == 8
    variable = "APPDATA" if os.name == "nt" else "XDG_CONFIG_HOME"
    monkeypatch.delenv(variable)
    for look in (load, rules_file):
        with pytest.raises(UsageError, match=rf"no home folder.*Set HOME or {variable}\."):
            look()
    monkeypatch.setenv("GEMVG_CALIBRATION", "~nobody-of-this-name/rules.json")
    assert rules_file().name == "rules.json"
