"""Awkward pictures, and a command line with a scripted policy behind it."""

import json
import struct
import zlib
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from gemvg.agent.cli import main as cli
from gemvg.policy import registry
from gemvg.policy.scripted import ScriptedPolicy
from tests.agent.scripts import answer, item


class Outcome(NamedTuple):
    """What a command line gave back."""

    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder, with no settings from anywhere."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("GEMVG_CACHE", str(tmp_path / "cache"))
    return work


@pytest.fixture
def gemvg(folder, monkeypatch, capsys):
    """Run a command line in this process: `gemvg("ask", "it", "a.png", says=[...])`."""

    def run(*arguments, says=None):
        policy = ScriptedPolicy(says or [answer(item())])
        monkeypatch.setattr(registry, "load_policy", lambda spec, **options: policy)
        code = cli.run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    return run


def png_header(width, height):
    """A PNG that says it is huge and holds next to nothing."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.fixture
def odd(folder):
    """One file of every kind of the bad-input list, by name."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8))
    (folder / "subfolder").mkdir()
    (folder / "text.jpg").write_text("this is no picture\n" * 50)
    (folder / "empty.png").write_bytes(b"")
    noise.save(folder / "good.jpg")
    whole = (folder / "good.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "bomb.png").write_bytes(png_header(60_000, 60_000))
    (folder / "answer.json").write_text(json.dumps({}))
    noise.crop((0, 0, 1, 1)).save(folder / "one.png")
    Image.new("RGB", (30_000, 12), "teal").save(folder / "wide.png")
    noise.convert("CMYK").save(folder / "cmyk.jpg")
    deep = np.linspace(0, 65535, 80 * 60).reshape(60, 80).astype(np.uint16)
    Image.fromarray(deep).save(folder / "deep.png")
    noise.convert("RGBA").quantize(16).save(folder / "palette.png", transparency=3)
    noise.save(folder / "moving.gif", save_all=True, append_images=[Image.new("RGB", (80, 60))] * 3)
    return folder
