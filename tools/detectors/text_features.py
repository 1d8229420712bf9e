"""Words as vectors in CLIP's text space, for detectors with an open vocabulary.

Two sources, chosen by the setting GEMVG_CLIP_TEXT:

* a folder with a CLIP text model, or a hub id of one: any word;
* a folder with tables made before: `NAME.npy` (one row a word) beside its list of words. The list
  is `NAME.txt` (a word a line), or one of the forms that public tables come with: LVIS's category
  JSON (`name`, `synonyms`), Objects365's CSV (`id,name,...`), or, for a table named after COCO,
  none.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingDependency, UsageError, WeightsError
from ..transformers_bars import without_bars
from ..vocabulary import Resolution, Vocabulary, coco_classes, normalize_label

SETTING = "GEMVG_CLIP_TEXT"

CURE = (
    f"Set {SETTING} to a CLIP text model (a folder, or openai/clip-vit-base-patch32 where the hub "
    "can be reached) or to a folder of text features."
)

MOST_WORDS = 10_000
"""Words of which a text model's vectors are kept; 20 MB of them."""

Features = NDArray[np.float32]


class TextFeatures(Protocol):
    """Words to vectors."""

    @property
    def words(self) -> tuple[str, ...]:
        """Every word that it knows; empty where it knows any."""
        ...

    def resolve(self, label: str) -> Resolution:
        """Its own words for a word of the user."""
        ...

    def features(self, words: Sequence[str]) -> Features:
        """Vectors (n, d) of length 1, float32. Raises KeyError for a word that it can't know."""
        ...


def _unit_rows(array: NDArray[Any]) -> Features:
    wide = np.asarray(array, dtype=np.float32)
    return wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)


class TableFeatures:
    """Vectors from tables in a folder.

    Raises:
        WeightsError: no table, or one that does not fit its list of words.
    """

    def __init__(self, folder: Path) -> None:
        self._rows: dict[str, Features] = {}
        aliases: dict[str, list[str]] = {}
        for table, names in _tables_in(folder):
            try:
                rows = _unit_rows(np.load(table, allow_pickle=False))
            except (OSError, ValueError) as error:
                raise WeightsError(f"{table.name} is not a table of text features.") from error
            if len(rows) != len(names):
                raise WeightsError(
                    f"{table.name} has {len(rows)} rows and its list has {len(names)} words."
                )
            for row, (name, *others) in zip(rows, names, strict=True):
                if name not in self._rows:
                    self._rows[name] = row
                    aliases[name] = others
        if not self._rows:
            raise WeightsError(f"no text features in {folder}.", CURE)
        self._vocabulary = Vocabulary(tuple(self._rows), aliases)

    @property
    def words(self) -> tuple[str, ...]:
        """See `TextFeatures.words`."""
        return tuple(self._rows)

    def resolve(self, label: str) -> Resolution:
        """See `TextFeatures.resolve`."""
        return self._vocabulary.resolve(label)

    def features(self, words: Sequence[str]) -> Features:
        """See `TextFeatures.features`."""
        return np.stack([self._rows[word] for word in words])


def _tables_in(folder: Path) -> Iterator[tuple[Path, list[tuple[str, ...]]]]:
    """(table, words of its rows) of every table whose words are known, in a fixed order."""
    others = sorted(p for p in folder.iterdir() if p.suffix in (".json", ".csv", ".txt"))
    for table in sorted(folder.glob("*.npy")):
        # "lvis_v1_clip_a+cname.npy" goes with "lvis_v1_train_cat_info.json": same first word.
        start = table.stem.split("_")[0].casefold()
        if (exact := table.with_suffix(".txt")).is_file():
            yield table, [(line,) for line in exact.read_text("utf-8").splitlines()]
            continue
        aka = {"o365": "objects365", "oid": "openimages"}.get(start, start)
        beside = [p for p in others if p.stem.casefold().startswith((start, aka))]
        if beside:
            yield table, _read_words(beside[0])
        elif start == "coco":
            yield table, [(name,) for name in coco_classes()]


def _read_words(path: Path) -> list[tuple[str, ...]]:
    """A list of words, one tuple (name, synonyms...) a row, in any of the known forms."""

    def plain(name: str) -> str:
        return normalize_label(name.split("(")[0]) or name

    try:
        text = path.read_text("utf-8")
        if path.suffix == ".json":
            return [
                tuple(dict.fromkeys(map(plain, (entry["name"], *entry.get("synonyms", ())))))
                for entry in json.loads(text)
            ]
        if path.suffix == ".csv":
            rows = [row for row in csv.reader(text.splitlines()) if len(row) >= 2]
            return [tuple(dict.fromkeys(map(plain, row[1].split("/")))) for row in rows]
        return [(line,) for line in text.splitlines()]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path.name} is not a list of words that can be read.") from error


class EncoderFeatures:
    """Vectors from a CLIP text model; a word that is kept is not encoded again.

    Args:
        source: folder or hub id of a CLIP model (text projection included).

    Raises:
        MissingDependency: transformers is not installed.
        WeightsError: no such model, or it can't be fetched.
    """

    def __init__(self, source: str) -> None:
        try:
            from transformers import AutoTokenizer, CLIPTextModelWithProjection
        except ImportError as error:
            raise MissingDependency(
                "a CLIP text model needs torch and transformers.",
                "pip install 'gemvg-agent[local]'",
            ) from error
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(source)
            with without_bars():
                self._model: Any = CLIPTextModelWithProjection.from_pretrained(source).eval()
        except (OSError, ValueError, KeyError) as error:
            raise WeightsError(
                f"{source[:80]!r} is not a CLIP text model within reach.", CURE
            ) from (error)
        self._kept: dict[str, Features] = {}

    @property
    def words(self) -> tuple[str, ...]:
        """See `TextFeatures.words`: any word."""
        return ()

    def resolve(self, label: str) -> Resolution:
        """See `TextFeatures.resolve`: the word itself."""
        plain = normalize_label(label)
        return Resolution((plain,) if plain else (), "same" if plain else "unknown")

    def features(self, words: Sequence[str]) -> Features:
        """See `TextFeatures.features`."""
        import torch

        new = [word for word in dict.fromkeys(words) if word not in self._kept]
        if new:
            with torch.inference_mode():
                tokens = self._tokenizer(new, padding=True, truncation=True, return_tensors="pt")
                rows = _unit_rows(self._model(**tokens).text_embeds.float().numpy())
            self._kept.update(zip(new, rows, strict=True))
        vectors = np.stack([self._kept[word] for word in words])
        if len(self._kept) > MOST_WORDS:
            # A server is asked for new words as long as it runs.
            self._kept = {word: self._kept[word] for word in words}
        return vectors


def text_features(source: str | None = None) -> TextFeatures:
    """The text features that the settings name.

    Args:
        source: folder or hub id; GEMVG_CLIP_TEXT where None.

    Raises:
        UsageError: nothing is set. WeightsError: what is set can't be used.
    """
    chosen = (source or os.environ.get(SETTING, "")).strip()
    if not chosen:
        raise UsageError("words outside the closed vocabulary need text features.", CURE)
    try:
        folder = Path(chosen).expanduser()
        is_folder = folder.is_dir()
        has_tables = is_folder and any(folder.glob("*.npy"))
    except (OSError, RuntimeError) as error:
        # A name that is too long, a home of nobody's, a folder that may not be looked into.
        raise WeightsError(f"{chosen[:80]!r} can't be looked into.", CURE) from error
    if has_tables:
        return TableFeatures(folder)
    return EncoderFeatures(str(folder) if is_folder else chosen)
