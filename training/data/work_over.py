"""Long passes over a data set: what is done is kept as it is done, and taken up again.

A pass asks a model about sample after sample, for hours. Each answer is a line of a journal in the
data set's folder, synced before the next is asked for; the samples themselves are replaced, all at
once, when the last is done, and the journal is gone with that. So a pass that was stopped, however,
has changed nothing yet, and the same command goes on.
"""

from __future__ import annotations

import hashlib
import json
from collections import UserDict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from ...agent.journal import Journal, encode_line, iter_journal
from ...agent.locks import only_writer
from ...tools.errors import BackendError, UsageError
from ...tools.text import clean_text
from .folder import SAMPLES, DataFolder
from .sample import Sample, sample_line
from .whole_file import whole_file

Row = dict[str, Any]

SILENT = 8
"""Failures in a row after which a model is asked no more: each may take a minute."""

_ASKED = frozenset({"task", "question", "images", "answer", "meaning", "prompts"})
"""What of a sample an answer depends on."""


def sample_key(sample: Sample) -> str:
    """The same for samples that ask the same of the same pictures and have the same answer."""
    text = json.dumps(sample.model_dump(include=set(_ASKED)), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class DoneSoFar(UserDict[str, Row]):
    """What a pass has found out, by sample key; a row that is set is on disk.

    Args:
        file: the journal; made where it is missing.
        settings: what the answers depend on beside the samples, by names that users know.

    Raises:
        UsageError: the journal was begun with other settings. OutputError: it can't be written, or
            another run writes it. DataError: it is damaged.
    """

    def __init__(self, file: Path, settings: Mapping[str, str]) -> None:
        super().__init__()
        self._file = file
        self._journal = Journal(file, "Work on a copy of the data set.")
        try:
            self._load(settings)
        except BaseException:
            self._journal.close()
            raise

    def _load(self, settings: Mapping[str, str]) -> None:
        rows = (row for _, row in iter_journal(self._file))
        begun = next(rows, None)
        self.data = {str(row.pop("key", "")): row for row in rows}
        if not self.data:
            # Whoever began it has found out nothing, perhaps for a mistake in the settings.
            self._journal.replace([encode_line(settings).rstrip(b"\n")])
        elif begun != settings:
            held = begun or {}
            other = next((name for name in settings if held.get(name) != settings[name]), "form")
            raise UsageError(
                f"{self._file} was begun with another {other} "
                f"({clean_text(str(held.get(other)), 60)}).",
                "Go on with that one, or delete the file to begin anew.",
            )

    def __setitem__(self, key: str, item: Row) -> None:
        self._journal.append({"key": key, **item})
        super().__setitem__(key, item)

    def remove(self) -> None:
        """Delete the journal: the pass is at its end."""
        self._file.unlink(missing_ok=True)

    def __enter__(self) -> DoneSoFar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.data:
            self.remove()
        self._journal.close()


def work_over(
    folder: DataFolder,
    name: str,
    settings: Mapping[str, str],
    change: Callable[[DoneSoFar], Iterable[Sample]],
) -> None:
    """Put changed samples in the place of a data set's own, or go on with that.

    Args:
        folder: the data set.
        name: of the pass; the journal is `NAME.part.jsonl` in the folder.
        settings: see `DoneSoFar`.
        change: gives every sample, changed or not, in their order; what `DoneSoFar` holds it takes
            from there, and what it finds out it sets there.

    Raises:
        UsageError: the pass was begun with other settings. OutputError: the folder can't be
            written, or another run writes into it. What `change` raises; what is done is kept then.
    """
    with (
        only_writer(folder.path),
        DoneSoFar(folder.path / f"{name}.part.jsonl", settings) as done,
    ):
        with whole_file(folder.path / SAMPLES) as file:
            for sample in change(done):
                file.write(sample_line(sample))
        done.remove()


class Silence:
    """Counts how often in a row a model did not answer.

    Args:
        cure: what to do where it never answered.
    """

    def __init__(self, cure: str) -> None:
        self._cure = cure
        self._row, self._answered = 0, False

    def answered(self) -> None:
        """Note an answer."""
        self._row, self._answered = 0, True

    def failed(self, error: BackendError) -> None:
        """Note a failure.

        Raises:
            BackendError: it is the last of `SILENT` in a row.
        """
        self._row += 1
        if self._row == SILENT:
            cure = "What is done is kept: the same command goes on from here."
            raise BackendError(
                f"stopped after {SILENT} failures in a row: {error}",
                cure if self._answered else self._cure,
            ) from error
