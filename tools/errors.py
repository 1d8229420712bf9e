"""Every error that gemvg raises on purpose, in one hierarchy.

How it is used:

* A class says *what kind* of thing went wrong (`kind`, the word that stands in answers and error
  records) and which exit code a command line ends with.
* The message is one line: what is wrong. `cure` is what to do about it, where there is something.
* Every class also inherits the standard library's error that it refines, so that callers who know
  nothing of gemvg still catch it, and every instance survives pickling (process pools, Ray).
* Code that runs on behalf of one query among many turns an error into a record with `as_record`
  and goes on with its siblings; only the command line turns it into an exit code.

To add one: subclass the nearest category, set `kind`, and raise it with a message and a cure.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypedDict


class ErrorRecord(TypedDict):
    """The shape in which an error stands in answers, batch lines and server replies."""

    kind: str
    message: str


class GemvgError(Exception):
    """Base of all errors raised on purpose.

    Args:
        message: one line, without a traceback's detail and without third-party text.
        cure: what the user can do, one line; None where nothing is to be done.
    """

    kind: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, cure: str | None = None) -> None:
        super().__init__(message, cure)
        self.message = message
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.message} {self.cure}" if self.cure else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.message, self.cure))

    def as_record(self) -> ErrorRecord:
        """The error as data: its kind and its one-line text, cure included."""
        return {"kind": self.kind, "message": str(self)}


class UsageError(GemvgError, ValueError):
    """The caller asked for something that can't be: wrong option, empty question, no pictures."""

    kind = "usage"
    exit_code = 2


class ImageError(GemvgError, ValueError):
    """A picture that can't be used: missing, not a picture, damaged, too large, not allowed."""

    kind = "image"
    exit_code = 2


class QueryNotUnderstood(GemvgError, ValueError):
    """The planner could not read the question."""

    kind = "not-understood"


class MissingDependency(GemvgError, ImportError):
    """An optional package is not installed; the cure is the command that installs it."""

    kind = "missing-dependency"


class WeightsError(GemvgError, OSError):
    """Weights could not be found, fetched, or trusted (hash or pickle check failed)."""

    kind = "weights"


class PolicyError(GemvgError, RuntimeError):
    """The policy could not answer."""

    kind = "policy"


class UnknownDialect(PolicyError, LookupError):
    """No dialect is known for a model; guessing one would put boxes in the wrong place."""

    kind = "unknown-dialect"
    exit_code = 2


class BackendError(PolicyError, ConnectionError):
    """A backend failed for good, after its retries."""

    kind = "backend"


class BackendTimeout(BackendError, TimeoutError):
    """A backend did not answer in time."""

    kind = "timeout"


class BackendRefused(BackendError):
    """A backend does not take a question, and would not take the same one later either."""

    kind = "refused"


class AccessRefused(BackendRefused):
    """A backend takes no question at all: the key is wrong, or it has no such model."""

    kind = "access"


class ContextOverflow(PolicyError, ValueError):
    """The pictures and the question do not fit the model's context, whatever their size."""

    kind = "context-overflow"


class BudgetExhausted(GemvgError, RuntimeError):
    """An episode's budget ended before there was anything to answer with."""

    kind = "budget"


class DataError(GemvgError, ValueError):
    """A data set, recipe, benchmark or batch file that does not have the expected shape."""

    kind = "data"
    exit_code = 2


class OutputError(GemvgError, OSError):
    """Results could not be written: full disk, read-only folder, another writer at work."""

    kind = "output"


class TrainingError(GemvgError, RuntimeError):
    """Training could not start or go on."""

    kind = "training"
