"""Checking a data set: form, boxes, answers, repeats, pictures shared between splits or leaked.

Every finding has a kind, a place and a sentence; the balance of tasks, targets and areas comes as
counts with warnings where something is lopsided.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ...tools.errors import DataError, ImageError
from .folder import MANIFEST, SAMPLES, DataFolder
from .hashing import look_alike, near_pairs, picture_hash
from .sample import Sample, parse_sample
from .stats import Stats
from .verify import scene_of, verify_sample
from .verify_pixels import pixel_findings

Kind = Literal[
    "form", "picture", "answer", "repeat", "same picture in two splits", "leak", "balance",
]  # fmt: skip

_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


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
        findings: what is wrong. stats: the balance.
    """

    samples: int = 0
    verified: int = 0
    pictures: int = 0
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
            "pictures": self.pictures,
            "findings": [{"kind": f.kind, "where": f.where, "what": f.what} for f in self.findings],
            "stats": self.stats.as_json(),
        }  # fmt: skip


def check(folder: DataFolder, against: Iterable[Path] = (), pixels: bool = True) -> CheckReport:
    """Check a data set.

    Args:
        folder: the data set.
        against: benchmark pictures, folders of them, or JSON files that name them; none may look
            like a picture of the data set.
        pixels: look at the pictures too; without, only at the annotations.

    Raises:
        DataError: `against` names what can't be read.
    """
    report = CheckReport()
    samples = _read(folder, report)
    index = folder.records()
    questions: dict[bytes, str] = {}
    files: dict[str, tuple[str, str]] = {}
    for sample in samples:
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
            files.setdefault(str(folder.picture(ref)), (sample.split, sample.id))
    if pixels:
        _pictures(files, list(against), report)
    report.findings += _balance(report.stats)
    return report


def _read(folder: DataFolder, report: CheckReport) -> Iterable[Sample]:
    """Samples that are of the right form, their pictures in place; the rest as findings."""
    ids: set[str] = set()
    with (folder.path / SAMPLES).open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            where = f"{SAMPLES}, line {number}"
            try:
                sample = parse_sample(line, where)
                missing = [r.file for r in sample.images if not folder.picture(r).is_file()]
            except DataError as error:
                report.findings.append(Finding("form", where, str(error)))
                continue
            if sample.id in ids:
                report.findings.append(Finding("form", where, f"id {sample.id} comes twice"))
            ids.add(sample.id)
            if missing:
                report.findings.append(Finding("picture", sample.id, f"{missing[0]} is missing"))
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


def _pictures(files: dict[str, tuple[str, str]], against: list[Path], report: CheckReport) -> None:
    """Look-alikes between splits and with benchmark pictures."""
    hashes: dict[str, list[tuple[int, str]]] = {}
    for file, (split, name) in files.items():
        try:
            value = picture_hash(Path(file))
        except ImageError as error:
            report.findings.append(Finding("picture", name, str(error)))
            continue
        report.pictures += 1
        if value is not None:
            hashes.setdefault(split, []).append((value, file))
    splits = sorted(hashes)
    for a, first in enumerate(splits):
        for second in splits[a + 1 :]:
            _alike(hashes[first], hashes[second], files, report, f"{first}/{second}")
    every = [item for split in splits for item in hashes[split]]
    benchmark = [
        (v, str(f)) for f in benchmark_pictures(against) if (v := picture_hash(f)) is not None
    ]
    for i, j, bits in near_pairs([v for v, _ in every], [v for v, _ in benchmark]):
        if not look_alike(Path(every[i][1]), Path(benchmark[j][1])):
            continue
        text = f"{Path(every[i][1]).name} looks like {Path(benchmark[j][1]).name} ({bits} bits)"
        report.findings.append(Finding("leak", files[every[i][1]][1], text))


def _alike(
    first: list[tuple[int, str]],
    second: list[tuple[int, str]],
    files: dict[str, tuple[str, str]],
    report: CheckReport,
    splits: str,
) -> None:
    for i, j, bits in near_pairs([v for v, _ in first], [v for v, _ in second]):
        if not look_alike(Path(first[i][1]), Path(second[j][1])):
            continue
        text = (
            f"{Path(first[i][1]).name} looks like {Path(second[j][1]).name} ({splits}, {bits} bits)"
        )
        finding = Finding("same picture in two splits", files[first[i][1]][1], text)
        report.findings.append(finding)


def benchmark_pictures(paths: Iterable[Path]) -> list[Path]:
    """Picture files of benchmarks: files, folders, or JSON files that list `images` paths.

    Raises:
        DataError: a path that does not exist, or a JSON file none of whose pictures are there.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(p for p in path.rglob("*") if p.suffix.lower() in _PICTURES)
        elif path.suffix.lower() in (".json", ".jsonl") and path.is_file():
            found += _named_in(path)
        elif path.is_file():
            found.append(path)
        else:
            raise DataError(f"{path}: no such benchmark picture, folder or file.")
    return found


def _named_in(path: Path) -> list[Path]:
    """Pictures that a benchmark's JSON names, below the JSON file's folder."""
    try:
        text = path.read_text(encoding="utf-8")
        items = (
            [json.loads(line) for line in text.splitlines() if line.strip()]
            if path.suffix == ".jsonl"
            else json.loads(text)
        )
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable JSON file.") from error
    if isinstance(items, dict):
        items = items.get("images", items.get("data", []))
    names: set[str] = set()
    for item in items if isinstance(items, list) else []:
        for name in item.get("images", [item.get("file_name")]) if isinstance(item, dict) else []:
            file = name.get("file") if isinstance(name, dict) else name
            names.update([str(file)] if file else [])
    found = [p for name in sorted(names) if (p := path.parent / name.removeprefix("./")).is_file()]
    if not found:
        raise DataError(f"{path}: none of the pictures that it names are below its folder.")
    return found


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
