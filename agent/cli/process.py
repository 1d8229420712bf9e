"""The command line as a process: its standard streams, its messages, and how it ends."""

from __future__ import annotations

import atexit
import codecs
import contextlib
import io
import json
import os
import sys
from typing import IO, TYPE_CHECKING, Any, NoReturn

from ...tools.errors import UsageError
from ...tools.text import clean_text

if TYPE_CHECKING:
    from typing_extensions import Buffer

LONGEST_MESSAGE = 10_000
"""Characters; longer than any question or path, since what is wrong stands behind the name."""


class ClosedInput(io.TextIOBase):
    """Stands for a standard input that was closed (`<&-`): whoever reads it is told so."""

    def fileno(self) -> int:
        """Raise UsageError."""
        raise UsageError("standard input is closed.", "Name a file, or pipe something in.")

    def readline(self, size: int = -1, /) -> str:
        """Raise UsageError."""
        raise UsageError("standard input is closed.", "Name a file, or pipe something in.")


def prepare_streams() -> None:
    """Have every standard stream be there, and able to write whatever a label or name holds."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The next file that is opened would get this number, and be read or written as if it
            # were the stream.
            os.open(os.devnull, os.O_RDWR)
    # Python has None for a stream that was closed.
    sys.stdin = sys.stdin or ClosedInput()
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = _forgiving(sys.stderr) if sys.stderr else _nowhere()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            # A label in a script that the terminal can't write must not end the program.
            stream.reconfigure(errors="replace")  # pyright: ignore[reportAttributeAccessIssue]


class Notices(io.RawIOBase):
    """Standard error, whose reader may have gone and whose disk may be full: nothing is said then.

    A result must not be lost, nor a job be stopped, because nobody hears how it goes.

    Args:
        raw: where it goes, unbuffered.
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def writable(self) -> bool:
        """Yes."""
        return True

    def fileno(self) -> int:
        """See io.RawIOBase."""
        return self._raw.fileno()

    def isatty(self) -> bool:
        """See io.RawIOBase."""
        return self._raw.isatty()

    def write(self, data: Buffer, /) -> int:
        """Write what can be written; the rest counts as written too."""
        with contextlib.suppress(OSError):
            return self._raw.write(data) or memoryview(data).nbytes
        return memoryview(data).nbytes


def _forgiving(stream: IO[str]) -> IO[str]:
    """Standard error that raises nothing; one of another kind than Python's own as it is.

    The stream that is given must stay: it closes what it writes to when it goes. Python keeps its
    own (`sys.__stderr__`).
    """
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)
    if not isinstance(raw, io.RawIOBase):
        return stream
    encoding: str | None = getattr(stream, "encoding", None)
    return io.TextIOWrapper(
        io.BufferedWriter(Notices(raw)), encoding, "replace", line_buffering=True
    )


def _nowhere() -> IO[str]:
    return open(os.devnull, "w", encoding="utf-8")


def say(message: str) -> None:
    """Print a message of ours as one line on standard error.

    Names of files in it may be a stranger's and hold commands to the terminal.
    """
    with contextlib.suppress(OSError):
        print(f"gemvg-agent: {clean_text(message, LONGEST_MESSAGE)}", file=sys.stderr)


def write_json(text: str) -> None:
    """Print one JSON document; in ASCII where standard output is not UTF-8, which JSON has to be.

    Args:
        text: the document, on one line.
    """
    encoding = sys.stdout.encoding or "utf-8"
    if not text.isascii() and codecs.lookup(encoding).name != "utf-8":
        text = json.dumps(json.loads(text), separators=(",", ":"))
    sys.stdout.write(f"{text}\n")


def reader_gone() -> int:
    """The exit code where the reader of our output has gone (`| head`): no failure of ours."""
    _redirect(sys.stdout)
    return 0


def drop_unwritten() -> None:
    """Give up output that can't be written, or Python would fail at it once more at its end."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _redirect(sys.stdout)


def _redirect(stream: IO[str]) -> None:
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def end(code: int) -> NoReturn:
    """End the process with an exit code.

    A tool that a question has left behind (Ctrl-C, the time budget) would keep Python waiting until
    it is done, and nobody wants its result. What is registered for the end is still done.
    """
    work = sys.modules.get(f"{__name__.removesuffix('cli.process')}work_threads")
    if work is None or not work.still_working():
        raise SystemExit(code)
    atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
