"""Checking a data set: form, boxes, answers, repeats, pictures shared between splits or leaked.

Every finding has a kind, a place and a sentence; the balance of tasks, targets and areas comes as
counts with warnings where something is lopsided.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ...tools.errors import DataError, ImageError, UsageError
from .against import Against, named_by
from .folder import MANIFEST, PICTURES, SAMPLES, DataFolder
from .hashing import look_alike, near_pairs, picture_hash
from .sample import Sample, parse_sample
from .stats import Stats
from .verify import scene_of, verify_sample
from .verify_pixels import pixel_findings

Kind = Literal[
    "form", "picture", "answer", "repeat", "same picture in two splits", "leak", "not compared",
    "balance",
]  # fmt: skip

_Files = dict[str, dict[str, str]]
"""Path of a picture to the splits that show it, each with the id of the first sample there."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong: its kind, where (a sample's id or a line), what."""

    kind: Kind
    where: str
    what: str


@dataclass(slots=True)
class CheckReport:
    """What a check found.

    Attributes:
        samples: how many were read. verified: how many were checked by brute force.
        pictures: how many were compared. benchmark: with how many benchmark pictures.
        findings: what is wrong. stats: the balance.
    """

    samples: int = 0
    verified: int = 0
    pictures: int = 0
    benchmark: int = 0
    findings: list[Finding] = field(default_factory=list[Finding])
    stats: Stats = field(default_factory=Stats)

    @property
    def ok(self) -> bool:
        """True where nothing but the balance was found."""
        return all(f.kind == "balance" for f in self.findings)

    def as_json(self) -> dict[str, Any]:
        """Everything, JSON-compatible."""
        return {
            "ok": self.ok, "samples": self.samples, "verified": self.verified,
            "pictures": self.pictures, "benchmark": self.benchmark,
            "findings": [{"kind": f.kind, "where": f.where, "what": f.what} for f in self.findings],
            "stats": self.stats.as_json(),
        }  # fmt: skip


def check(folder: DataFolder, against: Iterable[Path] = (), pixels: bool = True) -> CheckReport:
    """Check a data set.

    Args:
        folder: the data set.
        against: benchmark pictures, folders of them, or JSON files that name them; none may look
            like a picture of the data set. Those that are missing or can't be read are counted in
            a finding of each.
        pixels: look at the pictures too; without, only at the annotations.

    Raises:
        UsageError: `against` without pixels. DataError: `against` names no picture, or the data
            set's files can't be opened.
    """
    benchmarks = [named_by(path) for path in against]
    if benchmarks and not pixels:
        raise UsageError(
            "comparing with benchmark pictures (--against) needs pixels.", "Leave out --no-pixels."
        )
    report = CheckReport()
    index = folder.records()
    report.findings += [
        Finding("form", f"{PICTURES}, line {line}", what) for line, what in index.broken
    ]
    questions: dict[bytes, str] = {}
    files: _Files = {}
    for sample in _read(folder, report):
        report.stats.add(sample)
        _repeat(sample, questions, report)
        if sample.meaning.get("op") != "given":
            scene = scene_of(sample, index)
            found = (
                ["no annotation of its pictures in pictures.jsonl"]
                if scene is None
                else verify_sample(sample, scene)
            )
            report.verified += scene is not None
            report.findings += [Finding("answer", sample.id, text) for text in found]
        if pixels:
            found = pixel_findings(folder, sample)
            report.findings += [Finding("answer", sample.id, text) for text in found]
        for ref in sample.images:
            # The same file by whichever root and spelling.
            path = os.path.abspath(folder.picture(ref))
            files.setdefault(path, {}).setdefault(sample.split, sample.id)
    _shared(files, report)
    if pixels:
        _pictures(files, benchmarks, report)
    report.findings += _balance(report.stats)
    return report


def _read(folder: DataFolder, report: CheckReport) -> Iterable[Sample]:
    """Samples that are of the right form, their pictures in place; the rest as findings."""
    ids: set[str] = set()
    try:
        # As bytes, so that one that is no text is the fault of its line alone.
        file = (folder.path / SAMPLES).open("rb")
    except OSError as error:
        raise DataError(f"{folder.path / SAMPLES}: can't be opened.") from error
    with file as lines:
        for number, line in enumerate(lines, 1):
            where = f"{SAMPLES}, line {number}"
            try:
                sample = parse_sample(line, where)
                # Not Path.is_file, to which a name too long for the system is an error.
                paths = [folder.picture(ref) for ref in sample.images]
                missing = [path for path in paths if not os.path.isfile(path)]
            except DataError as error:
                report.findings.append(Finding("form", where, str(error)))
                continue
            if sample.id in ids:
                report.findings.append(Finding("form", where, f"id {sample.id} comes twice"))
            ids.add(sample.id)
            if missing:
                # All of the path: the folder may have been moved away from its sources.
                where = os.path.abspath(missing[0])
                report.findings.append(Finding("picture", sample.id, f"{where} is missing"))
                continue
            report.samples += 1
            yield sample
    said = folder.manifest.get("samples")
    if said != len(ids):
        text = f"{MANIFEST} says {said} samples, {len(ids)} are there"
        report.findings.append(Finding("form", MANIFEST, text))


def _repeat(sample: Sample, seen: dict[bytes, str], report: CheckReport) -> None:
    """The same question about the same pictures, whatever their order of asking."""
    parts = [sample.question.lower(), *(ref.key for ref in sample.images)]
    key = hashlib.sha256("\n".join(parts).encode()).digest()[:12]
    if key in seen:
        report.findings.append(Finding("repeat", sample.id, f"asks the same as {seen[key]}"))
    seen.setdefault(key, sample.id)


def _shared(files: _Files, report: CheckReport) -> None:
    """Pictures that samples of several splits show."""
    for file, splits in files.items():
        if len(splits) > 1:
            shown = ", ".join(f"{split} ({name})" for split, name in sorted(splits.items()))
            text = f"{Path(file).name} is shown in several splits: {shown}"
            report.findings.append(Finding("same picture in two splits", _first(splits), text))


def _first(splits: dict[str, str]) -> str:
    """The first sample that shows a picture."""
    return next(iter(splits.values()))


def _pictures(files: _Files, benchmarks: list[Against], report: CheckReport) -> None:
    """Look-alikes between splits and with benchmark pictures."""
    hashes: dict[str, list[tuple[int, str]]] = {}
    every: list[tuple[int, str]] = []
    for file, splits in files.items():
        try:
            value = picture_hash(Path(file))
        except ImageError as error:
            report.findings.append(Finding("picture", _first(splits), str(error)))
            continue
        report.pictures += 1
        if value is not None:
            every.append((value, file))
            for split in splits:
                hashes.setdefault(split, []).append((value, file))
    names = sorted(hashes)
    for a, first in enumerate(names):
        for second in names[a + 1 :]:
            for one, other, bits in _alike(hashes[first], hashes[second]):
                where = _first(files[one])
                how = f"({first}/{second}, {bits} bits)"
                text = f"{Path(one).name} looks like {Path(other).name} {how}"
                report.findings.append(Finding("same picture in two splits", where, text))
    for benchmark in benchmarks:
        found = list(benchmark.hashes())
        report.benchmark += benchmark.compared
        for one, other, bits in _alike(every, found):
            text = f"{Path(one).name} looks like {Path(other).name} ({bits} bits)"
            report.findings.append(Finding("leak", _first(files[one]), text))
        if benchmark.left_out:
            where = str(benchmark.path)
            report.findings.append(Finding("not compared", where, benchmark.left_out))


def _alike(
    first: list[tuple[int, str]], second: list[tuple[int, str]]
) -> Iterable[tuple[str, str, int]]:
    """(file, file, differing bits) of pairs of files that look alike; the same file is no pair."""
    for i, j, bits in near_pairs([v for v, _ in first], [v for v, _ in second]):
        one, other = first[i][1], second[j][1]
        if one != other and look_alike(Path(one), Path(other)):
            yield one, other, bits


def _balance(stats: Stats) -> list[Finding]:
    """Warnings: a task of one kind of answer only where it should vary, too many of one size."""
    findings: list[Finding] = []
    for kind, limit in (("task", 0.6), ("area", 0.8), ("label", 0.4)):
        counter: Counter[str] = stats.by[kind]
        total = sum(counter.values())
        for name, count in counter.most_common(1):
            if total >= 50 and count > limit * total and len(counter) > 1:
                text = f"{name} is {100 * count / total:.0f}% of all {kind}s"
                findings.append(Finding("balance", kind, text))
    for targets in ("none", "single", "multi"):
        if stats.samples >= 200 and not stats.by["targets"][targets]:
            findings.append(Finding("balance", "targets", f"no sample with {targets} targets"))
    return findings
