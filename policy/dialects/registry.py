"""The dialect of a model, found by the dialect's name, the model's name or its folder."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...tools.errors import UnknownDialect
from ...tools.paths import user_path
from ...tools.text import clean_text
from .family import FamilyDialect
from .gem_vg import GeMVGDialect
from .gemvg import GemvgDialect
from .migician import MigicianDialect
from .nano import NanoDialect
from .qwen2_5_vl import Qwen25VLDialect
from .qwen2_vl import Qwen2VLDialect
from .qwen3_vl import Qwen3VLDialect
from .univg_r1 import UniVGR1Dialect
from .vlm_r1 import VLMR1Dialect

_MAKERS: dict[str, Callable[[], FamilyDialect]] = {
    "gemvg": GemvgDialect,
    "gem-vg": GeMVGDialect,
    "nano": NanoDialect,
    "qwen2-vl": Qwen2VLDialect,
    "qwen2.5-vl": Qwen25VLDialect,
    "qwen3-vl": Qwen3VLDialect,
    "migician": MigicianDialect,
    "migician-raw": lambda: MigicianDialect(name="migician-raw", stretch=False),
    "univg-r1": UniVGR1Dialect,
    "vlm-r1": VLMR1Dialect,
}
DIALECT_NAMES: tuple[str, ...] = tuple(_MAKERS)

_FINE_TUNES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"migician"), "migician"),
    (re.compile(r"uni-?vg"), "univg-r1"),
    (re.compile(r"vlm-?r1"), "vlm-r1"),
    (re.compile(r"gem-vg"), "gem-vg"),
    (re.compile(r"gemvg"), "gemvg"),
    (re.compile(r"deep-?eyes|vision-r1|rex-thinker|mg-thinker"), "qwen2.5-vl"),
)
_FAMILIES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"qwen-?2-?5-?vl"), "qwen2.5-vl"),
    (re.compile(r"qwen-?3(?:-?5)?-?vl"), "qwen3-vl"),
    (re.compile(r"qwen-?3-?5\b"), "qwen3-vl"),
    (re.compile(r"qwen-?2-?vl"), "qwen2-vl"),
)
_MODEL_TYPES: Mapping[str, str] = {
    "qwen2_vl": "qwen2-vl",
    "qwen2_5_vl": "qwen2.5-vl",
    "qwen3_vl": "qwen3-vl",
    "qwen3_vl_moe": "qwen3-vl",
}
"""`model_type` of a config.json: the family of the base model."""

_BASES: Mapping[str, str] = {
    "migician": "qwen2-vl",
    "univg-r1": "qwen2-vl",
    "gem-vg": "qwen2-vl",
    "vlm-r1": "qwen2.5-vl",
}
"""The family that a fine-tune's architecture must be; ours may sit on any."""

_SAYS_NOTHING = re.compile(
    r"(?:checkpoint|step|epoch|global_step)[-_]?\d+|snapshots|[0-9a-f]{12,64}"
    r"|final|best|last|latest|merged|export|exported|hf|model|weights|main"
)
"""Names of folders inside a model's own folder: checkpoints, a hub cache's snapshots."""

CONFIG_KEY = "gemvg_dialect"
"""Key in a config.json under which training writes the dialect of the model that it saves."""

_CONFIG_LIMIT = 4 << 20


def get_dialect(name: str) -> FamilyDialect:
    """The dialect of this name.

    Raises:
        UnknownDialect: there is none; the cure lists those that there are.
    """
    maker = _MAKERS.get(name.strip().lower())
    if maker is None:
        raise UnknownDialect(f"There is no dialect {clean_text(name, 60)!r}.", _cure())
    return maker()


def dialect_for_model(model: str) -> FamilyDialect:
    """The dialect of a model by its served name, its hub id or its folder.

    For a folder the name is asked first (a fine-tune of Qwen2-VL keeps its base's `model_type`), as
    long as its config.json does not contradict it; then the config: `gemvg_dialect`, the name that
    the weights were loaded under, `model_type`. Nothing is downloaded.

    Raises:
        UnknownDialect: nothing says which family it is. Guessing would put boxes elsewhere.
    """
    # A server may name its model as it likes.
    folder = user_path(model)
    config = _config(folder)
    if config is None:
        found = _by_name(model)
    else:
        found = _by_config(str(folder.resolve()), config)
    if found is None:
        raise UnknownDialect(
            f"No dialect is known for the model {clean_text(model, 120)!r}.", _cure()
        )
    return get_dialect(found)


def _by_name(name: str) -> str | None:
    """The dialect that a hub id, a served name or a path tells."""
    for part in _telling_parts(name):
        plain = re.sub(r"[\s_.:+]+", "-", part.lower())
        for pattern, dialect in (*_FINE_TUNES, *_FAMILIES):
            if pattern.search(plain):
                return dialect
    return None


def _telling_parts(name: str) -> list[str]:
    """The parts of a name that speak of the model: its end, up to a part that says something.

    An owner or a project's folder says nothing: `gemvg/runs/llava` is no model of ours.
    """
    parts = [part for part in re.split(r"[/\\]", name) if part][-4:]
    telling: list[str] = []
    while parts:
        part = parts.pop()
        telling.append(part)
        if not _SAYS_NOTHING.fullmatch(part.lower()):
            break
    return telling


def _by_config(folder: str, config: Mapping[str, Any]) -> str | None:
    said = config.get(CONFIG_KEY)
    if isinstance(said, str) and said in _MAKERS:
        return said
    kind = config.get("model_type")
    family = _MODEL_TYPES.get(kind) if isinstance(kind, str) else None
    loaded = config.get("_name_or_path") or config.get("base_model_name_or_path")
    for name in [folder, *([loaded] if isinstance(loaded, str) else [])]:
        found = _by_name(name)
        if found is not None and (family is None or _fits(found, family)):
            return found
    return family


def _fits(dialect: str, family: str) -> bool:
    """Whether a name's dialect can belong to a model of this family."""
    return _BASES.get(dialect, family if dialect == "gemvg" else dialect) == family


def _config(folder: Path) -> Mapping[str, Any] | None:
    """A local folder's config.json, or an adapter's; None where there is no such file."""
    for name in ("config.json", "adapter_config.json"):
        file = folder / name
        try:
            if not file.is_file() or file.stat().st_size > _CONFIG_LIMIT:
                continue
            value: Any = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
    return None


def _cure() -> str:
    return f"Name one with --dialect: {', '.join(DIALECT_NAMES)}."
