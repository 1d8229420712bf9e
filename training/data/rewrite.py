"""Rewriting questions in other words by an OpenAI-compatible model, kept only where they still
mean the same.

A new wording must name the same labels, numbers, ordinals, sides, pictures and written boxes as
the old one and no others, must pass the word check of `verify_words.py`, and, where the planner
can read both, must be read the same. Anything else keeps the old wording, with the reason counted.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from dataclasses import dataclass, field, fields, is_dataclass

from ...tools.errors import BackendError
from ...tools.text import clean_text
from .folder import DataFolder
from .language.words import NUMBERS, ORDINALS, plural
from .sample import Sample
from .verify_words import images_named, without_images, word_findings
from .work_over import Row, Silence, sample_key, work_over

PROMPT = (
    "Say the following question in other words. Keep every object name, number, ordinal, side, "
    "image reference and bracketed box exactly. Answer with the new question only.\n\n{question}"
)

_BOX = re.compile(r"\[\d+, \d+, \d+, \d+\]")
_GUARDED = frozenset(
    (*ORDINALS, *NUMBERS, "last", "left", "right", "leftmost", "rightmost", "topmost",
     "bottommost", "highest", "lowest", "above", "below", "top", "bottom", "largest", "smallest",
     "biggest", "most", "fewest", "exactly", "except", "without", "not", "every", "all", "only")
)  # fmt: skip
"""Words that decide what a question asks; a rewriting may neither drop nor add one of a kind."""

_SAME = (
    frozenset({"every", "all"}), frozenset({"largest", "biggest"}),
    frozenset({"topmost", "highest"}), frozenset({"bottommost", "lowest"}),
    frozenset({"without", "no"}),
)  # fmt: skip

_WORDING = ("plural", "definite", "generic", "quantity", "notes", "single")
"""What the planner reads that wording alone decides."""

Complete = Callable[[str], str]
"""A prompt to a completion. Raises BackendError."""


@dataclass(slots=True)
class RewriteReport:
    """How many questions were rewritten, and why the others were not."""

    rewritten: int = 0
    kept: dict[str, int] = field(default_factory=dict[str, int])


def _guards(question: str) -> frozenset[str]:
    """The deciding words of a question, like ones taken as one."""
    words = {
        w
        for w in re.findall(r"[a-z]+", without_images(_BOX.sub(" ", question)).lower())
        if w in _GUARDED
    }
    return frozenset(next((min(same) for same in _SAME if word in same), word) for word in words)


def _labels(sample: Sample) -> list[str]:
    meaning = sample.meaning
    named = [
        str(meaning[k]) for k in ("label", "anchor", "than", "lacking", "colour") if k in meaning
    ]
    return [*named, *map(str, meaning.get("labels", []))]


def why_not(sample: Sample, text: str) -> str | None:
    """Why a new wording can't stand for the old one; None where it can."""
    old = sample.question
    total = len(sample.images)
    if not text or len(text) > 4 * len(old) + 80:
        return "empty or too long"
    if sorted(_BOX.findall(old)) != sorted(_BOX.findall(text)):
        return "a written box changed"
    if images_named(old, total) != images_named(text, total):
        return "other pictures are named"
    low = text.lower()
    if any(
        not re.search(rf"\b({re.escape(n)}|{re.escape(plural(n))})\b", low) for n in _labels(sample)
    ):
        return "an object is not named"
    if _guards(old) - _guards(text) - {"all", "first"} or _guards(text) - _guards(old) - {
        "all",
        "first",
    }:
        return "a deciding word changed"
    if word_findings(sample.model_copy(update={"question": text})):
        return "the words do not fit the meaning"
    return None if _reads_same(old, text, total) else "the planner reads it otherwise"


def _reads_same(old: str, new: str, images: int) -> bool:
    """True where the planner reads both wordings the same, or can't read the old one."""
    from ...policy.planner.understand import understand
    from ...tools.errors import QueryNotUnderstood

    try:
        before = understand(old, images)
    except QueryNotUnderstood:
        return True
    try:
        return _plain(understand(new, images)) == _plain(before)
    except QueryNotUnderstood:
        return False


def _plain(value: object) -> object:
    """What was understood, without what wording alone decides (number, articles, politeness)."""
    if is_dataclass(value) and not isinstance(value, type):
        kept: dict[str, object] = {}
        for f in fields(value):
            if f.name in _WORDING:
                continue
            kept[f.name] = _plain(getattr(value, f.name))
        if "noun" in kept and not getattr(value, "plural", False):
            kept["noun"] = plural(str(kept["noun"])) if kept["noun"] else ""
        return (type(value).__name__, tuple(sorted(kept.items())))
    if isinstance(value, tuple | list):
        return tuple(_plain(item) for item in value)
    return value


def rewrite(sample: Sample, complete: Complete, report: RewriteReport) -> Sample:
    """The sample in other words where they pass, else as it was. Raises BackendError."""
    return _reworded(sample, _said(sample, complete), report)


def _said(sample: Sample, complete: Complete) -> str:
    """What the model says. Raises BackendError."""
    return clean_text(complete(PROMPT.format(question=sample.question)), 2000).strip('" ')


def _reworded(sample: Sample, text: str, report: RewriteReport) -> Sample:
    """The sample with a new wording where that passes, else as it was."""
    reason = why_not(sample, text)
    if reason is not None:
        _keep(report, reason)
        return sample
    report.rewritten += 1
    prompts = list(sample.prompts)
    boxes = list(_BOX.finditer(text))
    for k, prompt in enumerate(prompts):
        if prompt.span is not None:
            written = sample.question[slice(*prompt.span)]
            found = next(m for m in boxes if m[0] == written)
            prompts[k] = prompt.model_copy(update={"span": found.span()})
    return sample.model_copy(update={"question": text, "prompts": prompts})


def rewrite_folder(
    folder: DataFolder, complete: Complete, model: str, report: RewriteReport
) -> None:
    """Rewrite the questions of a data set in their place, or go on with that; see `work_over`.

    Args:
        folder: the data set.
        complete: asks the model.
        model: its name; what another one has said is not gone on with.
        report: is added to.

    Raises:
        UsageError: it was begun with another model. OutputError: the folder can't be written.
        BackendError: the model fell silent; what it has said is kept.
    """
    prompt = hashlib.sha256(PROMPT.encode()).hexdigest()[:16]
    work_over(
        folder,
        "rewrite",
        {"model": model, "prompt": prompt},
        lambda done: rewrite_all(folder.samples(), complete, report, done),
    )


def rewrite_all(
    samples: Iterable[Sample],
    complete: Complete,
    report: RewriteReport,
    done: MutableMapping[str, Row] | None = None,
) -> Iterator[Sample]:
    """Rewrite one after the other; a model that does not answer leaves the wording (counted).

    Args:
        samples: to rewrite.
        complete: asks the model.
        report: is added to.
        done: what the model has said already, by `sample_key`; is added to.

    Raises:
        BackendError: it failed `SILENT` times in a row.
    """
    done = {} if done is None else done
    silence = Silence("Does its server run at this address, and has it a model of this name?")
    for sample in samples:
        key = sample_key(sample)
        if key in done:
            yield _reworded(sample, done[key]["said"], report)
            continue
        try:
            text = _said(sample, complete)
        except BackendError as error:
            silence.failed(error)
            _keep(report, "no answer")
            yield sample
            continue
        silence.answered()
        new = _reworded(sample, text, report)
        if new is not sample:
            # A kill may come when the samples are replaced and the journal is still there.
            done[sample_key(new)] = {"said": new.question}
        done[key] = {"said": text}
        yield new


def _keep(report: RewriteReport, reason: str) -> None:
    report.kept[reason] = report.kept.get(reason, 0) + 1


def openai_complete(url: str, model: str, key: str = "none", seconds: float = 60.0) -> Complete:
    """A completion by an OpenAI-compatible server's chat endpoint (`url` ends in `/v1`)."""
    import httpx

    client = httpx.Client(timeout=seconds, headers={"Authorization": f"Bearer {key}"})

    def complete(prompt: str) -> str:
        body = {
            "model": model, "temperature": 0.8, "max_tokens": 300,
            "messages": [{"role": "user", "content": prompt}],
        }  # fmt: skip
        try:
            answer = client.post(f"{url.rstrip('/')}/chat/completions", json=body)
            answer.raise_for_status()
            return str(answer.json()["choices"][0]["message"]["content"])
        except (httpx.HTTPError, ValueError, KeyError, IndexError, TypeError) as error:
            raise BackendError("the rewriting model gave no answer.") from error

    return complete
