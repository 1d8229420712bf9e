"""Where lines go that have no file of this machine to be appended to."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from ...tools.errors import DataError, GemvgError, OutputError
from ..journal import BEGINNING, Journal, is_object
from .reading import is_remote, open_remote
from .shapes import Shape


class Sink(Protocol):
    """Takes lines, all or none at a time, and gives back those that it took before."""

    def lines(self) -> Iterator[bytes]:
        """Every line taken so far, without line breaks."""
        ...

    def append_lines(self, lines: Sequence[bytes]) -> None:
        """Take lines (with line breaks). Raises OutputError where they can't be kept."""
        ...

    def replace(self, lines: Iterable[bytes]) -> None:
        """Keep these lines (without line breaks) and no others."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class StreamSink:
    """A stream such as standard output: lines leave at once and can't be asked for again.

    Args:
        fd: a file descriptor; it is not closed.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def lines(self) -> Iterator[bytes]:
        """Nothing: a stream remembers nothing."""
        return iter(())

    def append_lines(self, lines: Sequence[bytes]) -> None:
        """Write the lines.

        Raises:
            BrokenPipeError: the reader of standard output has gone.
            OutputError: anything else.
        """
        data = memoryview(b"".join(lines))
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            # Standard output may be of no use any more (`| head`); errors that nobody takes are
            # lost.
            if isinstance(error, BrokenPipeError) and self._fd == 1:
                raise
            raise OutputError("the output stream can't be written.", "Is the disk full?") from error

    def replace(self, lines: Iterable[bytes]) -> None:
        """Nothing: what has left can't be taken back."""

    def close(self) -> None:
        """The stream is its owner's."""


class ObjectSink:
    """An object of a store that knows no appending, such as `s3://bucket/OUT.jsonl`.

    Lines are put as parts (`OUT.jsonl.parts/000001-...`), each whole or not at all, and joined to
    the object when the job is done. Two jobs that write one object at the same time are not held
    apart: object stores have no locks.

    Args:
        address: of the object.
        shape: of the lines.

    Raises:
        OutputError: the store can't be reached. DataError: the object holds something else.
    """

    def __init__(self, address: str, shape: Shape) -> None:
        self.address = address
        try:
            from fsspec.core import url_to_fs

            filesystem, path = url_to_fs(address)
        except (ImportError, OSError, ValueError) as error:
            raise OutputError(
                f"{address}: can't be reached.", "pip install fsspec and the store's driver."
            ) from error
        self._fs: Any = filesystem
        self._path: str = path
        self._folder = f"{path}.parts"
        with self._told("read"):
            self._check(shape)
            self._count = max((int(p.rsplit("/", 1)[-1][:6]) for p in self._parts()), default=0)

    @contextlib.contextmanager
    def _told(self, what: str) -> Generator[None]:
        """Whatever goes wrong inside as OutputError: a store's driver has errors of its own, such
        as where it finds no credentials.
        """
        try:
            yield
        except GemvgError:
            raise
        except Exception as error:
            raise OutputError(
                f"{self.address}: can't be {what}.", "Check the address and the rights."
            ) from error

    def _check(self, shape: Shape) -> None:
        self._fs.invalidate_cache()
        if not self._fs.exists(self._path):
            return
        with open_remote(self.address) as file:
            if beginning := file.readline(BEGINNING):
                shape.check(self.address)(beginning)

    def _parts(self) -> list[str]:
        """Paths of the parts, oldest first."""
        self._fs.invalidate_cache()
        if not self._fs.exists(self._folder):
            return []
        found = [str(path) for path in self._fs.ls(self._folder, detail=False)]
        return sorted(p for p in found if p.rsplit("/", 1)[-1][:6].isdecimal())

    def lines(self) -> Iterator[bytes]:
        """Lines of the joined object, then those of the parts."""
        with self._told("read"):
            places = [self._path] if self._fs.exists(self._path) else []
            for place in [*places, *self._parts()]:
                with self._fs.open(place, "rb") as file:
                    for line in file:
                        if line.endswith(b"\n") or is_object(line):
                            yield line.removesuffix(b"\n")

    def append_lines(self, lines: Sequence[bytes]) -> None:
        """Put one more part."""
        self._count += 1
        name = f"{self._folder}/{self._count:06d}-{uuid.uuid4().hex[:8]}.jsonl"
        with self._told("written"):
            self._fs.makedirs(self._folder, exist_ok=True)
            self._fs.pipe_file(name, b"".join(lines))

    def replace(self, lines: Iterable[bytes]) -> None:
        """Put the whole object, and take the parts away after that."""
        with self._told("written"):
            parts = self._parts()
            # The lines may come from the object itself, so it stays until all are written.
            with self._fs.open(f"{self._path}.new", "wb") as file:
                for line in lines:
                    file.write(line + b"\n")
            self._fs.mv(f"{self._path}.new", self._path)
            for part in parts:
                self._fs.rm_file(part)

    def close(self) -> None:
        """Join the parts; what a kill leaves half done is put right by the next job's ledger."""
        with self._told("written"):
            if self._parts():
                self.replace(self.lines())


class LazySink:
    """A sink that is made only when it gets its first line, so that no empty file is left.

    Args:
        name, stream, shape: see `open_sink`.
    """

    def __init__(self, name: str, stream: int, shape: Shape) -> None:
        self._name, self._stream, self._shape = name, stream, shape
        self._sink: Sink | None = None
        if name != "-" and (is_remote(name) or Path(name).exists()):
            self._sink = open_sink(name, stream, shape)

    def lines(self) -> Iterator[bytes]:
        """See `Sink`."""
        return self._sink.lines() if self._sink else iter(())

    def append_lines(self, lines: Sequence[bytes]) -> None:
        """See `Sink`."""
        self._opened().append_lines(lines)

    def replace(self, lines: Iterable[bytes]) -> None:
        """See `Sink`; nothing in the place of nothing makes no file."""
        kept = list(lines)
        if kept or self._sink:
            self._opened().replace(kept)

    def close(self) -> None:
        """See `Sink`."""
        if self._sink:
            self._sink.close()

    def _opened(self) -> Sink:
        self._sink = self._sink or open_sink(self._name, self._stream, self._shape)
        return self._sink


def open_sink(name: str, stream: int, shape: Shape) -> Sink:
    """The sink of a name.

    Args:
        name: a path, `-` for a stream, or an address that fsspec opens.
        stream: the file descriptor that `-` means.
        shape: of the lines; a file that holds something else is left as it is.

    Raises:
        OutputError: it can't be written, or another run writes it.
        DataError: it holds something else.
    """
    if name == "-":
        return StreamSink(stream)
    if is_remote(name):
        return ObjectSink(name, shape)
    cure = "Name another file for the output."
    return Journal(Path(name), cure, shape.check(name), unended=True)


def read_remote(address: str, limit: int) -> bytes:
    """The bytes of an object, one more than `limit` at most.

    Raises:
        DataError: it can't be read.
    """
    try:
        with open_remote(address) as file:
            return file.read(limit + 1)
    except GemvgError:
        raise
    except Exception as error:
        raise DataError(f"{address}: can't be read.", "Check the address and rights.") from error
