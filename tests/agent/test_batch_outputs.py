"""What a batch finds under the names of its files: it goes on with its own and with no other."""

import json
import os
from dataclasses import replace

import pytest

from gemvg.agent.batch.job import run_batch
from gemvg.agent.batch.record import ErrorLine
from gemvg.agent.batch.shapes import ERRORS, RESULTS
from gemvg.agent.batch.sinks import open_sink
from gemvg.agent.settings import AskSettings
from gemvg.tools.errors import DataError, OutputError, UsageError
from tests.agent.batch_jobs import SETTINGS, job, lines_of, rows, write_lines, write_pictures

HEX = "0123456789abcdef" * 4
QUESTION = b'{"custom_id": "q1", "query": "every dog", "images": ["0.png"]}'
ERROR = ErrorLine(3, "q1", HEX, {"kind": "image", "message": "0.png: gone."}).encoded()
NO_ID = ErrorLine(3, None, "too long", {"kind": "data", "message": "not JSON."}).encoded()
RESULT = f'{{"custom_id":"q\\"1","key":"{HEX}","query":"x","status":"ok"}}\n'.encode()
EDITED = b'{"status": "ok", "query": "x", "custom_id": "q1"}\n'
"""A result that another program has written anew."""

FOREIGN = {
    "bytes": bytes(range(256)) * 9,
    "bytes without a line break": b"\x80\x04model" * 99,
    "text": b"precious\nwords",
    "empty line": b"\n",
    "list": b"[1, 2]\n",
    "question": QUESTION + b"\n",
    "unended question": QUESTION,
    "compact question": QUESTION.replace(b" ", b""),
}


@pytest.fixture
def place(tmp_path):
    """A folder with pictures and 4 lines, the last of them with a damaged picture."""
    write_lines(tmp_path, 4, write_pictures(tmp_path), {3})
    return tmp_path


@pytest.mark.parametrize("content", [*FOREIGN.values(), ERROR, NO_ID], ids=[*FOREIGN, "1", "2"])
@pytest.mark.parametrize("far", [False, True], ids=["file", "object"])
def test_a_file_that_holds_no_results_is_refused_as_it_is(place, content, far):
    (place / "model.bin").write_bytes(content)
    named = job(place, "model.bin")
    if far:
        named = replace(named, output=f"file://{place}/model.bin")
    with pytest.raises(DataError, match=r"holds no results of a batch\. Choose another output"):
        run_batch(named)
    assert (place / "model.bin").read_bytes() == content
    assert not (place / "model.bin.errors.jsonl").exists()


@pytest.mark.parametrize("content", [*FOREIGN.values(), RESULT, EDITED], ids=[*FOREIGN, "1", "2"])
def test_a_file_that_holds_no_errors_is_refused_as_it_is(place, content):
    (place / "notes").write_bytes(content)
    with pytest.raises(DataError, match=r"holds no errors of a batch\. .*--errors"):
        run_batch(job(place, errors=str(place / "notes")))
    assert (place / "notes").read_bytes() == content
    # Nothing is kept open: the same process may go on.
    assert run_batch(job(place)).answered == 3


def test_superseded_results_of_somebody_else_stay(place):
    (place / "out.superseded.jsonl").write_bytes(b"precious")
    with pytest.raises(DataError, match="superseded"):
        run_batch(job(place))
    assert (place / "out.superseded.jsonl").read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("shape", "whole"), [(RESULTS, RESULT), (RESULTS, EDITED), (ERRORS, ERROR), (ERRORS, NO_ID)]
)
def test_what_a_kill_left_of_the_first_line_is_cut_off(tmp_path, shape, whole):
    """Wherever the kill came; of a line that was written anew nothing is ever torn."""
    path = tmp_path / "o.jsonl"
    most = len(whole) - 1
    for end in range(most) if whole != EDITED else (0,):
        path.write_bytes(whole[:end])
        open_sink(str(path), 1, shape).close()
        assert path.read_bytes() == b""
    path.write_bytes(whole[:most])
    open_sink(str(path), 1, shape).close()
    assert path.read_bytes() == whole
    path.write_bytes(whole + whole[:40])
    open_sink(str(path), 1, shape).close()
    assert path.read_bytes() == whole


@pytest.mark.parametrize("far", [False, True], ids=["file", "object"])
def test_a_whole_last_line_without_a_line_break_stays(place, far):
    """An editor left it so; it may be the only copy of what is asked no more."""
    first = job(place)
    if far:
        first = replace(first, output=f"file://{place}/out.jsonl")
    assert run_batch(first).answered == 3
    before = (place / "out.jsonl").read_bytes()
    (place / "out.jsonl").write_bytes(before[:-1])
    write_lines(place, 1, ["0.png"])
    last = json.loads(before.splitlines()[-1])["custom_id"]
    summary = run_batch(first)
    assert (summary.answered, summary.known) == (0, 1)
    assert last in [json.loads(line)["custom_id"] for line in lines_of(place / "out.jsonl")]
    other = replace(first, settings=AskSettings.model_validate({"tools": "none", "seed": 1}))
    assert run_batch(other).answered == 1
    assert [len(lines_of(place / f"out{word}.jsonl")) for word in ("", ".superseded")] == [3, 1]


def test_a_later_line_that_is_no_result_is_told(place):
    run_batch(job(place))
    with (place / "out.jsonl").open("ab") as file:
        file.write(QUESTION + b"\n")
    before = (place / "out.jsonl").read_bytes()
    with pytest.raises(DataError, match="results, line 4: not of a batch"):
        run_batch(job(place))
    assert (place / "out.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("output", "errors", "words"),
    [
        ("out.jsonl", "in.jsonl", "input and errors"),
        ("out.jsonl", "./out.jsonl", "output and errors"),
        ("out.jsonl", "out.superseded.jsonl", "errors and superseded results"),
        ("link.jsonl", None, "input and output"),
    ],
)
def test_one_file_has_one_use(place, output, errors, words):
    (place / "link.jsonl").symlink_to(place / "in.jsonl")
    before = (place / "in.jsonl").read_bytes()
    with pytest.raises(UsageError, match=f"{words} are the same file"):
        run_batch(job(place, output, errors=errors and f"{place}/{errors}"))
    assert (place / "in.jsonl").read_bytes() == before


def test_devices_take_lines_of_any_kind(place):
    summary = run_batch(job(place, "/dev/null", errors="/dev/null"))
    assert (summary.answered, summary.failures) == (3, 1)


def test_a_line_never_holds_more_than_the_beginning_and_the_end_of_a_value(place):
    """A name of a picture may be as long as a picture: one that was meant to be an address."""
    line = {"custom_id": "long", "query": "every dog", "images": ["iVBORw0KGgo" * 50_000]}
    with (place / "in.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    errors = place / "out.errors.jsonl"
    for known in (0, 5):
        summary = run_batch(job(place))
        assert (summary.known, summary.failures) == (known, 2)
        said = {row["line"]: row["message"] for row in map(json.loads, lines_of(errors))}
        message = said[5]
        assert len(message) == 600
        assert message.startswith("iVBORw0KGgo") and message.endswith("Check its rights.")


@pytest.mark.skipif(os.name == "nt", reason="links and rights of another kind")
def test_a_link_and_its_files_rights_outlive_what_is_rewritten(place):
    far = place / "large disk" / "results"
    far.parent.mkdir()
    far.touch()
    far.chmod(0o600)
    (place / "out.jsonl").symlink_to(far)
    run_batch(job(place))
    before = lines_of(far)
    run_batch(job(place, settings=SETTINGS.model_copy(update={"seed": 1})))
    assert (place / "out.jsonl").is_symlink() and far.stat().st_mode & 0o777 == 0o600
    assert len(lines_of(far)) == len(before) == 3 and not set(lines_of(far)) & set(before)
    assert set(lines_of(place / "out.superseded.jsonl")) == set(before)
    assert [name.name for name in far.parent.iterdir()] == ["results"]


def test_empty_lines_that_an_editor_left_are_nothing(place):
    run_batch(job(place))
    for name in ("out.jsonl", "out.errors.jsonl"):
        with (place / name).open("ab") as file:
            file.write(b"\n\r\n")
    again = run_batch(job(place))
    assert (again.known, again.answered, again.failures) == (4, 0, 1)
    run_batch(job(place, settings=SETTINGS.model_copy(update={"seed": 1})))
    assert len(rows(place / "out.jsonl")) == 3


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"source": "brokenstore://x/in.jsonl"}, DataError, "can't be opened"),
        ({"output": "brokenstore://x/out.jsonl"}, OutputError, "can't be read"),
    ],
)
def test_what_a_stores_driver_raises_is_told_in_our_words(place, changes, error, words):
    fsspec = pytest.importorskip("fsspec")

    class NoCredentials(Exception):
        """As of drivers: no OSError."""

    class Broken(fsspec.AbstractFileSystem):
        protocol = "brokenstore"

        def exists(self, path, **options):
            raise NoCredentials

        info = open = exists

    fsspec.register_implementation("brokenstore", Broken, clobber=True)
    with pytest.raises(error, match=words):
        run_batch(replace(job(place), **changes))
