"""Inputs that can be read only once, and tables with cells that are large or odd."""

import base64
import csv
import json
import os
import threading
import weakref
from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gemvg.agent import pictures
from gemvg.agent.batch.feed import MOST_INLINE, Feed
from gemvg.agent.batch.job import run_batch
from gemvg.agent.batch.line import BadLine, BatchLine
from gemvg.agent.batch.reading import BatchInput
from gemvg.agent.batch.table_lines import table_fields
from gemvg.agent.cli.batch import run
from gemvg.tools import images
from gemvg.tools.errors import DataError
from tests.agent.batch_jobs import job, lines_of, write_lines, write_pictures


@pytest.fixture
def place(tmp_path):
    """A folder with pictures and 12 lines."""
    write_lines(tmp_path, 12, write_pictures(tmp_path))
    return tmp_path


def in_thread(what, *arguments):
    thread = threading.Thread(target=what, args=arguments, daemon=True)
    thread.start()
    return thread


def errors(place):
    return [json.loads(line) for line in lines_of(place / "out.errors.jsonl")]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("quiet", [False, True])
def test_a_named_pipe_is_read_once(place, quiet, capsys):
    os.mkfifo(place / "pipe")
    source = BatchInput(str(place / "pipe"))
    assert source.count() is None and source.base == str(place)
    writer = in_thread((place / "pipe").write_bytes, (place / "in.jsonl").read_bytes())
    assert run(replace(job(place), source=source.name), quiet=quiet) == 0
    writer.join()
    assert len(lines_of(place / "out.jsonl")) == 12
    assert ("12 answered." in capsys.readouterr().err) != quiet


@pytest.mark.timeout(60)
def test_what_a_shell_pipes_in_is_read_once(place, monkeypatch):
    """`batch <(cat IN.jsonl) OUT`: the system's folder of streams holds no pictures."""
    monkeypatch.chdir(place)
    reading, writing = os.pipe()
    with open(writing, "wb") as file:
        file.write((place / "in.jsonl").read_bytes())
    try:
        piped = replace(job(place), source=f"/dev/fd/{reading}")
        assert run(piped, quiet=False) == 0
    finally:
        os.close(reading)
    assert len(lines_of(place / "out.jsonl")) == 12


def test_a_file_is_counted_and_a_missing_one_told(place):
    assert BatchInput(str(place / "in.jsonl")).count() == 12
    for call in (BatchInput.count, BatchInput.check):
        with pytest.raises(DataError, match="no such file"):
            call(BatchInput(str(place / "none.jsonl")))
        with pytest.raises(DataError, match="can't be opened"):
            call(BatchInput(str(place)))


def test_a_store_whose_files_read_no_bounded_lines(place):
    """As those of S3: fsspec's own class knows `readline` without a size only."""
    fsspec = pytest.importorskip("fsspec")
    from fsspec.implementations.local import LocalFileSystem
    from fsspec.spec import AbstractBufferedFile

    class Buffered(AbstractBufferedFile):
        def _fetch_range(self, start, end):
            with open(self.path, "rb") as file:
                file.seek(start)
                return file.read(end - start)

    class Store(LocalFileSystem):
        protocol = "teststore"

        def _open(self, path, mode="rb", block_size=None, **options):
            return Buffered(self, path, mode, block_size or "default", size=os.stat(path).st_size)

    fsspec.register_implementation("teststore", Store, clobber=True)
    far = BatchInput(f"teststore://{place}/in.jsonl")
    far.check()
    assert list(far.lines()) == list(BatchInput(str(place / "in.jsonl")).lines())


def write_csv(place, *rows):
    with (place / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("custom_id", "query", "images"), *rows])
    return replace(job(place), source=str(place / "in.csv"))


def large_address(place):
    """A picture as an address, longer than what Python's csv takes unless it is told to."""
    data = (place / "0.png").read_bytes() + bytes(300_000)
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


@pytest.fixture
def python_limit():
    """What the csv module takes by itself, whatever an earlier table has raised it to."""
    before = csv.field_size_limit(131_072)
    yield
    csv.field_size_limit(before)


def test_a_picture_fits_into_a_cell(place, python_limit):
    table = write_csv(place, ("q1", "every dog", large_address(place)), ("q2", "a cat", "1.png"))
    assert run_batch(table).answered == 2


def test_a_row_that_csv_cannot_read_is_an_error_of_its_own(place, monkeypatch, python_limit):
    monkeypatch.setattr("gemvg.agent.batch.table_lines.MAX_LINE", 200_000)
    table = write_csv(place, ("q1", "every dog", large_address(place)), ("q2", "a cat", "1.png"))
    summary = run_batch(table)
    assert (summary.answered, summary.failures) == (1, 1)
    assert [(e["line"], e["kind"]) for e in errors(place)] == [(1, "data")]
    assert run_batch(table).known == 2


def write_parquet(place, **columns):
    count = len(columns["custom_id"])
    table = {"query": [f"every dog {n}" for n in range(count)], **columns}
    pq.write_table(pa.table(table), place / "in.parquet")
    return replace(job(place), source=str(place / "in.parquet"))


def test_pictures_stand_in_a_table_of_hugging_face(place):
    """Their keys are those of the files: what counts is bytes."""
    names = [f"{n}.png" for n in range(4)]
    data = [(place / name).read_bytes() for name in names]
    structs = [{"bytes": b, "path": "x.png"} for b in data[:3]]
    structs.append({"bytes": None, "path": "3.png"})
    ids = [f"q{n}" for n in range(4)]
    found = []
    for column in (
        {"image": names},
        {"image": structs},
        {"images": [[s] for s in structs]},
        {"image_1": data, "image_2": pa.nulls(4, pa.struct([("bytes", pa.binary())]))},
    ):
        (place / "out.jsonl").unlink(missing_ok=True)
        assert run_batch(write_parquet(place, custom_id=ids, **column)).answered == 4
        rows = [json.loads(line) for line in lines_of(place / "out.jsonl")]
        found.append(sorted((row["custom_id"], row["key"], str(row["answer"])) for row in rows))
    assert found == [found[0]] * 4


@pytest.mark.parametrize(
    "column",
    [
        {"images": [5, 6]},
        {"images": [[5], [6]]},
        {"images": [1.5, 2.5]},
        {"images": [True, False]},
        {"images": [{"x": "a" * 900_000}, {"x": "b"}]},
        {"image": [5, 6]},
        {"image": [{"bytes": None, "path": None}] * 2},
        {"image": [{"x": "a" * 900_000}, {"x": "b"}]},
        {"image": ["0.png", "1.png"], "image_1": [7, 8]},
        {"image": ["0.png", "1.png"], "image_0": [7, 8]},
    ],
    ids=lambda column: " ".join(f"{name} {type(v[0]).__name__}" for name, v in column.items()),
)
def test_what_names_no_picture_is_an_error_of_its_line(place, column):
    """None of a line's pictures is left out: it would be asked about fewer."""
    table = write_parquet(place, custom_id=["q1", "q2"], **column)
    summary = run_batch(table)
    assert (summary.answered, summary.failures) == (0, 2)
    assert all("names no pictures" in e["message"] for e in errors(place))
    assert max(map(len, lines_of(place / "out.errors.jsonl"))) < 400
    assert run_batch(table).known == 2


def test_bytes_that_are_no_picture_are_an_error_of_their_line(place):
    table = write_parquet(place, custom_id=["q1"], image=[b"nonsense" * 90_000])
    assert run_batch(table).failures == 1
    assert "not a picture" in errors(place)[0]["message"]
    assert max(map(len, lines_of(place / "out.errors.jsonl"))) < 400


def test_a_cell_that_python_cannot_hold_costs_its_line_only(place):
    queries = pa.array([b"every dog", b"\xff\xfe", b"a cat"]).view(pa.string())
    far = pa.array([2**62, 0, 0], pa.timestamp("ms"))
    names = ["0.png", "1.png", "2.png"]
    table = write_parquet(place, custom_id=["a", "b", "c"], query=queries, image=names, when=far)
    summary = run_batch(table)
    assert (summary.answered, summary.failures) == (2, 1)
    assert [(e["custom_id"], e["line"]) for e in errors(place)] == [("b", 2)]


@pytest.mark.parametrize("first", [False, True])
def test_a_damaged_page_is_told_and_what_came_before_it_stays(place, first):
    ids = [f"q{n}" for n in range(3000)]
    rows = pa.table({"custom_id": ids, "query": ids, "image": ["0.png"] * 3000})
    pq.write_table(rows, place / "in.parquet", row_group_size=1500, use_dictionary=False)
    column = pq.ParquetFile(place / "in.parquet").metadata.row_group(0 if first else 1).column(0)
    content = bytearray((place / "in.parquet").read_bytes())
    begin = column.data_page_offset + 40
    content[begin : begin + 400] = b"\xff" * 400
    (place / "in.parquet").write_bytes(content)
    lines, taken = BatchInput(str(place / "in.parquet")).lines(), 0
    words = "not a Parquet table" if first else r"damaged after row \d+"
    with pytest.raises(DataError, match=rf"in\.parquet: {words}"):
        while next(lines):
            taken += 1
    assert (taken > 0) == (not first)


@pytest.mark.timeout(60)
def test_a_pipe_is_no_parquet_table(place):
    os.mkfifo(place / "p.parquet")
    in_thread((place / "p.parquet").write_bytes, b"PAR1")
    with pytest.raises(DataError, match="not a Parquet table"):
        list(BatchInput(str(place / "p.parquet")).lines())


@pytest.mark.parametrize(
    ("row", "images"),
    [
        ({"images": "a.jpg | b.jpg"}, ["a.jpg", "b.jpg"]),
        ({"images": '["a.jpg", "b|c.jpg"]'}, ["a.jpg", "b|c.jpg"]),
        ({"images": ["a.jpg"], "image": "b.jpg"}, ["a.jpg"]),
        ({"image_10": "c", "image_2": "b", "image": "a", "image_x": "d"}, ["a", "b", "c"]),
        ({"image_1": "a", "image_2": "", "image_3": None}, ["a"]),
        ({"images": Decimal(5)}, Decimal(5)),
        ({"images": b"xyz"}, "data:;base64,eHl6"),
        ({f"image_{'9' * 5000}": "a", "image": "b"}, ["b"]),
    ],
)
def test_columns(row, images):
    assert table_fields(row)["images"] == images


@pytest.mark.timeout(60)
def test_pictures_in_lines_bound_what_is_read_ahead():
    """Lines are read ahead by number, and by size where they hold their pictures."""
    size, read = MOST_INLINE // 8, []

    def lines():
        for number in range(64):
            read.append(number)
            yield BatchLine(number, f"q{number}", "every dog", ("x" * size,))
        yield BadLine(64, None, "", "")

    feed = Feed(lines())
    feed._thread.start()
    taken = 0
    while taken < 65:
        window, _ = feed._next_window()
        taken += len(window)
        assert len(window) <= 9 and len(read) <= taken + 10


def test_a_line_of_many_pictures_holds_no_more_pixels_than_a_question_may(place, monkeypatch):
    names = write_pictures(place, 12)
    line = {"custom_id": "many", "query": "every dog", "images": names}
    (place / "in.jsonl").write_text(json.dumps(line))
    decode, held, most = images._decode, [], []

    def counted(*given):
        pixels = decode(*given)
        size = pixels.width * pixels.height
        held.append(size)
        most.append(sum(held))
        weakref.finalize(pixels, held.remove, size)
        return pixels

    monkeypatch.setattr(images, "_decode", counted)
    monkeypatch.setattr(pictures, "DECODED_PIXELS_KEPT", 2000)
    assert run_batch(job(place)).answered == 1
    # The picture that is being decoded comes on top.
    assert len(most) >= 12 and max(most) <= 2000 + 36 * 16
