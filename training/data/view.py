"""A sheet of samples for people: one self-contained HTML file with boxes drawn on the pictures."""

from __future__ import annotations

import base64
import html
import io
from collections import Counter
from pathlib import Path
from random import Random

from ...tools.errors import ImageError, OutputError, UsageError
from ...tools.images import picture_from_path
from ...tools.text import clean_text
from .folder import DataFolder
from .sample import TASKS, Sample

_HEIGHT = 220
"""Pixels of a picture on the sheet."""

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body{{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:1200px;padding:0 1rem;
color:#1d1f23;background:#f6f6f4}}
article{{background:#fff;border:1px solid #ddd;border-radius:8px;padding:1rem;margin:1rem 0}}
h2{{font-size:1.05rem;margin:.1rem 0 .6rem}} .meta{{color:#666;font-size:.85rem}}
.row{{display:flex;flex-wrap:wrap;gap:.6rem}} figure{{margin:0}}
figcaption{{font-size:.8rem;color:#666}}
.frame{{position:relative;display:inline-block;line-height:0}}
.frame img{{height:{height}px;border-radius:4px}}
svg{{position:absolute;inset:0;width:100%;height:100%}}
rect{{fill:none;stroke-width:3;vector-effect:non-scaling-stroke}}
/* pointers drawn on the pictures are red, green or blue */
.truth{{stroke:#d100c8}} .prompt{{stroke:#f59e0b;stroke-dasharray:6 4}}
details{{margin-top:.5rem;font-size:.9rem}}
</style>
<h1>{title}</h1>
<p class="meta">{count} samples shown. Magenta: the answer. Dashed orange: what the question points
at in numbers.</p>
{body}
</html>
"""


def pick(folder: DataFolder, number: int, seed: int, task: str | None = None) -> list[Sample]:
    """Samples at random, evenly over the tasks (reservoir sampling, one pass)."""
    rng = Random(seed)
    kept: dict[str, list[Sample]] = {}
    seen: dict[str, int] = {}
    for sample in folder.samples():
        if task is not None and sample.task != task:
            continue
        bucket = kept.setdefault(sample.task, [])
        seen[sample.task] = seen.get(sample.task, 0) + 1
        if len(bucket) < number:
            bucket.append(sample)
        elif (place := rng.randrange(seen[sample.task])) < number:
            bucket[place] = sample
    share = -(-number // max(1, len(kept)))
    chosen = [s for bucket in kept.values() for s in bucket[:share]]
    return chosen[:number]


def write_sheet(
    folder: DataFolder, out: Path, number: int = 60, seed: int = 1, task: str | None = None
) -> int:
    """Write the sheet; returns how many samples are on it.

    Raises:
        UsageError: no sample is of that task. OutputError: the file can't be written.
    """
    samples = pick(folder, number, seed, task)
    if task is not None and not samples:
        raise UsageError(
            f"no sample of task {clean_text(task, 60)!r} in {folder.path}.",
            f"Tasks: {', '.join(TASKS)}.",
        )
    body = "\n".join(_article(folder, sample) for sample in samples)
    title = html.escape(f"{folder.manifest.get('name', folder.path.name)}: samples")
    page = _PAGE.format(title=title, count=len(samples), body=body, height=_HEIGHT)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{out}: can't be written.") from error
    return len(samples)


def _article(folder: DataFolder, sample: Sample) -> str:
    figures = "".join(_figure(folder, sample, k) for k in range(1, len(sample.images) + 1))
    words = [sample.task, sample.demand, sample.targets, sample.split, sample.id]
    trace = (
        f"<details open><summary>Trace</summary>{html.escape(sample.trace)}</details>"
        if sample.trace
        else ""
    )
    text = f" (Answer: {html.escape(sample.text)})" if sample.text else ""
    return (
        f"<article><h2>{html.escape(sample.question)}{text}</h2>"
        f'<p class="meta">{html.escape(" · ".join(words))}</p>'
        f'<div class="row">{figures}</div>{trace}</article>'
    )


def _figure(folder: DataFolder, sample: Sample, image: int) -> str:
    ref = sample.images[image - 1]
    rectangles = "".join(
        _rectangle(kind, box)
        for kind, box in [("truth", b.box) for b in sample.answer if b.image == image]
        + [("prompt", p.box) for p in sample.prompts if p.image == image and p.form == "text"]
    )
    try:
        picture = _embedded(folder.picture(ref))
    except ImageError as error:
        return f"<figure><figcaption>{html.escape(str(error))}</figcaption></figure>"
    return (
        f'<figure><span class="frame"><img alt="image {image}" src="{picture}">'
        f'<svg viewBox="0 0 {ref.width} {ref.height}" preserveAspectRatio="none">{rectangles}</svg>'
        f"</span><figcaption>image {image}{html.escape(_labels(sample, image))}</figcaption>"
        "</figure>"
    )


def _labels(sample: Sample, image: int) -> str:
    """What the answer's boxes in a picture are called: `: cat, 2 × dog`."""
    counts = Counter(b.label for b in sample.answer if b.image == image)
    words = [label if n == 1 else f"{n} × {label}" for label, n in sorted(counts.items())]
    return f": {', '.join(words)}" if words else ""


def _rectangle(kind: str, box: tuple[float, float, float, float]) -> str:
    x1, y1, x2, y2 = box
    size = f'width="{x2 - x1:.1f}" height="{y2 - y1:.1f}"'
    return f'<rect class="{kind}" x="{x1:.1f}" y="{y1:.1f}" {size}/>'


def _embedded(path: Path) -> str:
    """A picture, small, as a data URI."""
    picture = picture_from_path(path).pixels.copy()
    picture.thumbnail((2 * _HEIGHT, 2 * _HEIGHT))
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"
