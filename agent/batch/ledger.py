"""What is done and what is not: results and errors on disk, each written exactly once."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...tools.errors import DataError, ErrorRecord
from .line import question_digest
from .record import DATA_ERROR, ErrorLine, Outcome
from .shapes import ERRORS, RESULT_HEAD, RESULTS, Shape
from .sinks import Sink

Ident = bytes
"""16 bytes of a hash of a custom_id or a line's number: what is kept of it in memory."""


@dataclass(frozen=True, slots=True)
class Known:
    """Keys under which a line was answered, or failed, before."""

    result: str | None = None
    error: str | None = None


class Ledger:
    """The results and errors of a job.

    Of a custom_id's results and errors the last one stands: a result under another key (other
    settings, other pictures) replaces an earlier one, a result an error, and an error a result.
    All stay in their files until `finish` drops those that are replaced, so that a kill at any
    point loses none. Where a kill has left a result and an error, the line's key says which of them
    stands once the line is read. An error that has no key (its pictures can't be read, so that
    nobody knows whether they are the same) leaves the result of the same words and names.

    Args:
        results: takes result lines.
        errors: takes error lines.
        retry_errors: lines that failed before are asked again.
        superseded: takes earlier results as they are dropped.

    Raises:
        DataError: a line of either is damaged, or not of a batch.
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
        # Errors of this run that came after a result.
        self._later: dict[Ident, ErrorLine] = {}
        self._tidy = self._scan()

    def _scan(self) -> bool:
        """Read both files; whether neither holds a line that another one replaces."""
        tidy = True
        for number, line in _numbered(self._results):
            custom_id, key = _head(line, number)
            ident = _ident(f"id {custom_id}")
            tidy = tidy and ident not in self._keys
            self._keys[ident] = bytes.fromhex(key)[:16]
        for number, line in _numbered(self._errors):
            failed = ErrorLine.of_row(_row(line, number, ERRORS))
            ident = _ident(failed.ident)
            tidy = tidy and ident not in self._failed
            self._failed[ident] = failed
        # A question that has a result is not asked again: what failed under its key failed before.
        outdated = [i for i, failed in self._failed.items() if self._answers(i, failed.key)]
        for ident in outdated:
            del self._failed[ident]
        return tidy and not outdated

    def _answers(self, ident: Ident, key: str | None) -> bool:
        """Whether the result that stands is that of a key."""
        kept = self._keys.get(ident)
        return kept is not None and key is not None and key[:32] == kept.hex()

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def failures(self) -> int:
        """Lines that stand as errors."""
        return len(self._failed)

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
        ident = _ident(failed.ident)
        self._present.add(ident)
        kept = self._failed.get(ident)
        if kept is None or (kept.key, kept.error) != (failed.key, failed.error):
            return False
        self._stands(ident, failed)
        return True

    def settle(self, custom_id: str, key: str | None) -> None:
        """Note that a line is known under this key, so that its result, or its error, stands."""
        ident = _ident(f"id {custom_id}")
        failed = self._failed.get(ident)
        if failed is not None and self._answers(ident, key):
            del self._failed[ident]
            self._tidy = False
        elif failed is not None:
            self._stands(ident, failed)

    def _stands(self, ident: Ident, failed: ErrorLine) -> None:
        """An error is the last word about its line."""
        if ident in self._keys:
            self._later[ident] = failed
            self._tidy = False

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
            replaced = self._failed.pop(ident, None)
            self._tidy = self._tidy and replaced is None and ident not in self._keys
            self._keys[ident] = bytes.fromhex(outcome.key or "")[:16]
        self.write_errors([_error_line(cid, o) for cid, o in outcomes if o.kind == "error"])

    def write_errors(self, failed: Sequence[ErrorLine]) -> None:
        """Put errors on disk. Raises OutputError as `write`."""
        if not failed:
            return
        self._errors.append_lines([line.encoded() for line in failed])
        for line in failed:
            ident = _ident(line.ident)
            self._tidy = self._tidy and ident not in self._failed
            self._failed[ident] = line
            self._present.add(ident)
            self._stands(ident, line)

    def finish(self, *, complete: bool) -> None:
        """Leave one line for each question.

        Args:
            complete: the whole input was read, so an error of a line that is wrong no more goes.
        """
        stale = {
            ident
            for ident, failed in self._failed.items()
            if complete and failed.error["kind"] == DATA_ERROR and ident not in self._present
        }
        if self._tidy and not stale:
            return
        self._drop_results()
        for ident in stale:
            del self._failed[ident]
        self._errors.replace(failed.encoded()[:-1] for failed in self._failed.values())
        self._later.clear()
        self._tidy = True

    def _drop_results(self) -> None:
        """Move the results that stand no more to the superseded ones."""
        count, last, outdated = 0, dict[Ident, int](), set[Ident]()
        for ident, line in self._result_lines():
            last[ident] = count
            (outdated.add if self._is_outdated(ident, line) else outdated.discard)(ident)
            count += 1
        if count == len(last) and not outdated:
            return

        def chosen(stand: bool) -> Iterator[bytes]:
            for n, (ident, line) in enumerate(self._result_lines()):
                if stand == (last[ident] == n and ident not in outdated):
                    yield line

        if self._superseded is not None:
            self._superseded.replace(_merged(self._superseded.lines(), chosen(False)))
        self._results.replace(chosen(True))
        for ident in outdated:
            self._keys.pop(ident, None)

    def _is_outdated(self, ident: Ident, line: bytes) -> bool:
        """Whether an error came after a result, and of another question as far as can be told."""
        failed = self._later.get(ident)
        if failed is None or failed.key is not None:
            return failed is not None
        return _question(line) != failed.question

    def _result_lines(self) -> Iterator[tuple[Ident, bytes]]:
        for number, line in _numbered(self._results):
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


def _numbered(sink: Sink) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers; empty ones, which an editor leaves, are left out."""
    return ((number, line) for number, line in enumerate(sink.lines(), 1) if line.strip())


def _ident(words: str) -> Ident:
    return hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _head(line: bytes, number: int) -> tuple[str, str]:
    """custom_id and key of a result line, without parsing all of it where we wrote it."""
    found = RESULT_HEAD.match(line)
    if found is not None:
        return json.loads(found.group(1)), found.group(2).decode()
    row = _row(line, number, RESULTS)
    key = str(row.get("key"))
    return str(row["custom_id"]), key if re.fullmatch("[0-9a-f]{64}", key) else "0" * 64


def _question(line: bytes) -> bytes | None:
    """See `BatchLine.question`, of a result; None where it can't be read."""
    try:
        row: Any = json.loads(line)
        return question_digest(row["query"], [image["source"] for image in row["images"]])
    except (ValueError, RecursionError, LookupError, TypeError):
        return None


def _row(line: bytes, number: int, shape: Shape) -> dict[str, Any]:
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise DataError(
            f"the {shape.what}, line {number}: damaged.", f"Delete that line. {shape.cure}"
        )
    if not all(name in value for name in shape.fields):
        raise DataError(f"the {shape.what}, line {number}: not of a batch.", shape.cure)
    return value
