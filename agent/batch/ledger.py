"""What is done and what is not: results and errors on disk, each written exactly once."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...tools.errors import DataError, ErrorRecord
from .record import DATA_ERROR, ErrorLine, Outcome
from .sinks import Sink

Ident = bytes
"""16 bytes of a hash of a custom_id or a line's number: what is kept of it in memory."""

_HEAD = re.compile(rb'\{"custom_id":("(?:[^"\\]|\\.)*"),"key":"([0-9a-f]{64})"')


@dataclass(frozen=True, slots=True)
class Known:
    """Keys under which a line was answered, or failed, before."""

    result: str | None = None
    error: str | None = None


class Ledger:
    """The results and errors of a job.

    A result replaces an earlier one of the same custom_id whose key differs (other settings, other
    pictures). Both stand in the file until `finish` drops the earlier one, so that a kill at any
    point loses neither. The same holds for an error and the result that follows it.

    Args:
        results: takes result lines.
        errors: takes error lines.
        retry_errors: lines that failed before are asked again.
        superseded: takes earlier results as they are dropped.

    Raises:
        DataError: a line of either is damaged.
    """

    def __init__(
        self,
        results: Sink,
        errors: Sink,
        *,
        retry_errors: bool = False,
        superseded: Sink | None = None,
    ) -> None:
        self._results, self._errors, self._superseded = results, errors, superseded
        self._retry = retry_errors
        self._keys: dict[Ident, bytes] = {}
        self._failed: dict[Ident, ErrorLine] = {}
        self._present: set[Ident] = set()
        self._tidy = self._scan()

    def _scan(self) -> bool:
        """Read both files; whether neither holds a line that another one replaces."""
        tidy = True
        for number, line in enumerate(self._results.lines(), 1):
            custom_id, key = _head(line, number)
            ident = _ident(f"id {custom_id}")
            tidy = tidy and ident not in self._keys
            self._keys[ident] = bytes.fromhex(key)[:16]
        for number, line in enumerate(self._errors.lines(), 1):
            failed = ErrorLine.of_row(_row(line, number))
            ident = _ident(failed.ident)
            tidy = tidy and ident not in self._failed and ident not in self._keys
            self._failed[ident] = failed
        return tidy

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def failures(self) -> int:
        """Lines that stand as errors and have no result."""
        return sum(ident not in self._keys for ident in self._failed)

    def known(self, custom_id: str) -> Known:
        """Under which keys a line was answered, or failed, before; first half of each."""
        ident = _ident(f"id {custom_id}")
        key, failed = self._keys.get(ident), self._failed.get(ident)
        error = failed.key if failed and not self._retry else None
        return Known(key.hex() if key else None, error[:32] if error else None)

    def admit(self, custom_id: str) -> bool:
        """Note that the input has this custom_id; False where it had it before."""
        ident = _ident(f"id {custom_id}")
        fresh = ident not in self._present
        self._present.add(ident)
        return fresh

    def holds(self, failed: ErrorLine) -> bool:
        """Whether exactly this error is on record already."""
        self._present.add(_ident(failed.ident))
        kept = self._failed.get(_ident(failed.ident))
        return kept is not None and (kept.key, kept.error) == (failed.key, failed.error)

    def write(self, outcomes: Sequence[tuple[str, Outcome]]) -> None:
        """Put results and errors (with the custom_id of each) on disk; all count after that.

        Raises:
            OutputError: they can't be written; none of a file's lines counts then.
        """
        results = [(cid, o) for cid, o in outcomes if o.kind == "result"]
        if results:
            self._results.append_lines([o.line for _, o in results])
        for custom_id, outcome in results:
            ident = _ident(f"id {custom_id}")
            replaces = ident in self._keys or ident in self._failed
            self._tidy = self._tidy and not replaces
            self._keys[ident] = bytes.fromhex(outcome.key or "")[:16]
        self.write_errors([_error_line(cid, o) for cid, o in outcomes if o.kind == "error"])

    def write_errors(self, failed: Sequence[ErrorLine]) -> None:
        """Put errors on disk. Raises OutputError as `write`."""
        if not failed:
            return
        self._errors.append_lines([line.encoded() for line in failed])
        for line in failed:
            ident = _ident(line.ident)
            self._tidy = self._tidy and ident not in self._failed and ident not in self._keys
            self._failed[ident] = line
            self._present.add(ident)

    def finish(self, *, complete: bool) -> None:
        """Leave one line for each question.

        Args:
            complete: the whole input was read, so an error of a line that is wrong no more goes.
        """
        stale = complete and any(
            failed.error["kind"] == DATA_ERROR and ident not in self._present
            for ident, failed in self._failed.items()
        )
        if self._tidy and not stale:
            return
        last = {ident: n for n, (ident, _) in enumerate(self._result_lines())}
        if self._superseded is not None and sum(1 for _ in self._result_lines()) > len(last):
            old = (ln for n, (ident, ln) in enumerate(self._result_lines()) if last[ident] != n)
            self._superseded.replace(_merged(self._superseded.lines(), old))
        self._results.replace(
            line for n, (ident, line) in enumerate(self._result_lines()) if last[ident] == n
        )
        self._failed = {
            ident: failed
            for ident, failed in self._failed.items()
            if ident not in self._keys and not self._outdated(ident, failed, complete)
        }
        self._errors.replace(failed.encoded()[:-1] for failed in self._failed.values())
        self._tidy = True

    def _outdated(self, ident: Ident, failed: ErrorLine, complete: bool) -> bool:
        return complete and failed.error["kind"] == DATA_ERROR and ident not in self._present

    def _result_lines(self) -> Iterator[tuple[Ident, bytes]]:
        for number, line in enumerate(self._results.lines(), 1):
            yield _ident(f"id {_head(line, number)[0]}"), line

    def close(self) -> None:
        """Give the files back."""
        self._results.close()
        self._errors.close()
        if self._superseded is not None:
            self._superseded.close()


def _error_line(custom_id: str, outcome: Outcome) -> ErrorLine:
    error: ErrorRecord = outcome.error or {"kind": "error", "message": ""}
    return ErrorLine(outcome.number, custom_id, outcome.key, error)


def _merged(first: Iterable[bytes], second: Iterable[bytes]) -> list[bytes]:
    """Both, each line once."""
    return list(dict.fromkeys([*first, *second]))


def _ident(words: str) -> Ident:
    return hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _head(line: bytes, number: int) -> tuple[str, str]:
    """custom_id and key of a result line, without parsing all of it where we wrote it."""
    found = _HEAD.match(line)
    if found is not None:
        return json.loads(found.group(1)), found.group(2).decode()
    row = _row(line, number)
    custom_id, key = row.get("custom_id"), row.get("key")
    if not isinstance(custom_id, str):
        raise DataError(
            f"the output, line {number}: no result of a batch.", "Choose another output."
        )
    usable = isinstance(key, str) and re.fullmatch("[0-9a-f]{64}", key) is not None
    return custom_id, key if usable and isinstance(key, str) else "0" * 64


def _row(line: bytes, number: int) -> dict[str, Any]:
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise DataError(
            f"the output, line {number}: damaged.", "Delete that line, or choose another output."
        )
    return value
