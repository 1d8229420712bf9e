"""Keys: what makes two questions the same question."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...tools.errors import GemvgError
from ...tools.paths import user_path
from ..named_files import by_number
from ..rules import EscalationRules

if TYPE_CHECKING:
    from ...policy.policy import Policy
    from ..settings import AskSettings

_NOT_IN_KEY = frozenset({"policy", "dialect", "detector", "open_detector"})
"""Options that stand in the key in another form."""

_NO_INFLUENCE = frozenset({"allow_urls", "max_images"})
"""Options that let a question be asked and don't change its answer."""

_SAMPLE = 1 << 20


def settings_fingerprint(
    settings: AskSettings, policy: Policy, rules: EscalationRules | None = None
) -> str:
    """Everything but question and pictures that an answer depends on, as one hash.

    The policy counts by name, dialect and revision, not by address: adding a server of the same
    model asks nothing again, and a changed model asks everything again.

    Args:
        settings: of the job.
        policy: that answers.
        rules: when it is asked again, as calibrated; the defaults where None.
    """
    from ...tools.detectors.registry import default_open_spec, default_spec

    # Which hosts are allowed changes no answer; as none, it leaves the keys that results have.
    settings = settings.model_copy(update={"url_hosts": ()})
    chosen = settings.model_dump(mode="json", exclude=set(_NOT_IN_KEY | _NO_INFLUENCE))
    content: dict[str, Any] = {
        "form": 1,
        "policy": policy.name,
        "dialect": policy.dialect.name,
        "coordinates": policy.dialect.coordinates,
        "revision": policy_revision(settings.policy),
        "detector": _detector_revision(settings.detector or default_spec()),
        "open_detector": _detector_revision(settings.open_detector or default_open_spec()),
        "settings": chosen,
    }
    return _digest(content | _set_otherwise(settings, rules))


def _set_otherwise(settings: AskSettings, rules: EscalationRules | None) -> dict[str, Any]:
    """What an answer depends on and no option says; each only where it is not the default.

    So a job that uses none of it keeps the keys of the results that it has.
    """
    from ...tools.detectors.text_features import SETTING

    found: dict[str, Any] = {}
    # Whether they are calibrated or happen to be the same changes no answer.
    asked_again = None if rules is None else asdict(replace(rules, calibrated=False))
    if asked_again not in (None, asdict(EscalationRules())):
        found["rules"] = asked_again
    words = os.environ.get(SETTING, "").strip()
    if words and "detect" in settings.tools:
        folder = user_path(words)
        found["text_features"] = _folder_revision(folder) if folder.is_dir() else words
    if pixels := os.environ.get("GEMVG_MAX_PIXELS"):
        found["max_pixels"] = pixels
    return found


def line_key(
    fingerprint: str, query: str, pictures: Sequence[str], names: Sequence[str] = ()
) -> str:
    """The key of a question.

    Args:
        fingerprint: of the settings.
        query: the question.
        pictures: SHA-256 of each picture's bytes, in order.
        names: of the pictures. They count only where the question calls one by its file: what it
            then asks is what the policy is told, the picture's number.
    """
    return _digest([fingerprint, by_number(query, names), list(pictures)])


def policy_revision(spec: str) -> str | None:
    """A hash of a policy's folder, its own or that of its preset; None where it has none.

    A hub id and a server count by their names only.

    Args:
        spec: as `load_policy` takes it.

    Raises:
        GemvgError: the folder can't be read.
    """
    from ...policy.presets import PRESETS
    from ...policy.registry import local_folder

    name = spec.strip()
    if name[: len(_IN_VLLM)].lower() == _IN_VLLM:
        name = name[len(_IN_VLLM) :]
    try:
        folder = local_folder(name)
        if folder is not None:
            return _folder_revision(folder)
        preset = PRESETS.get(name.lower())
        shipped = None if preset is None else preset.folder
        return None if shipped is None else _folder_revision(shipped)
    except (OSError, ValueError) as error:
        raise GemvgError(f"{spec}: the policy's folder can't be read.") from error


def _folder_revision(folder: Path) -> str:
    """A hash of a model's files, or of tables of text features.

    Weights are sampled (size, first and last megabyte) and not read whole: a checkpoint that was
    trained on differs everywhere. A safetensors file begins with its names and shapes.
    """
    files = sorted(p for p in folder.iterdir() if p.is_file() and p.suffix in _PARTS)
    return _digest([[p.name, _sampled(p)] for p in files])


_IN_VLLM = "vllm:"

_PARTS = frozenset(
    (".json", ".safetensors", ".txt", ".jinja", ".model", ".bin", ".npz", ".gguf", ".npy", ".csv")
)


def _detector_revision(spec: str) -> str:
    """A detector's name; with a hash of its content where it is a file."""
    path = user_path(spec)
    if path.suffix == ".pt" and path.is_file():
        return f"{path.stem} {_sampled(path)}"
    if path.is_dir():
        return f"{path.name} {_folder_revision(path)}"
    return spec.removesuffix(".pt")


def _sampled(path: Path) -> str:
    size = path.stat().st_size
    taken = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        taken.update(file.read(_SAMPLE))
        if size > _SAMPLE:
            file.seek(max(_SAMPLE, size - _SAMPLE))
            taken.update(file.read(_SAMPLE))
    return taken.hexdigest()


def _digest(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
