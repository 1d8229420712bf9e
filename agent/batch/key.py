"""Keys: what makes two questions the same question."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...tools.errors import GemvgError

if TYPE_CHECKING:
    from ...policy.policy import Policy
    from ..settings import AskSettings

_NOT_IN_KEY = frozenset({"policy", "dialect", "detector", "open_detector"})
"""Options that stand in the key in another form."""

_NO_INFLUENCE = frozenset({"allow_urls", "max_images"})
"""Options that let a question be asked and don't change its answer."""

_SAMPLE = 1 << 20


def settings_fingerprint(settings: AskSettings, policy: Policy) -> str:
    """Everything but question and pictures that an answer depends on, as one hash.

    The policy counts by name, dialect and revision, not by address: adding a server of the same
    model asks nothing again, and a changed model asks everything again.
    """
    from ...tools.detectors.registry import default_open_spec, default_spec

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
    return _digest(content)


def line_key(fingerprint: str, query: str, pictures: Sequence[str]) -> str:
    """The key of a question.

    Args:
        fingerprint: of the settings.
        query: the question.
        pictures: SHA-256 of each picture's bytes, in order.
    """
    return _digest([fingerprint, query, list(pictures)])


def policy_revision(spec: str) -> str | None:
    """A hash of a policy's folder; None where the name is no folder of this machine.

    Weights are sampled (size, first and last megabyte) and not read whole: a checkpoint that was
    trained on differs everywhere. A safetensors file begins with its names and shapes.
    """
    try:
        folder = Path(spec).expanduser()
        if not folder.is_dir():
            return None
        files = sorted(p for p in folder.iterdir() if p.is_file() and p.suffix in _PARTS)
        return _digest([[p.name, _sampled(p)] for p in files])
    except (OSError, ValueError) as error:
        raise GemvgError(f"{spec}: the policy's folder can't be read.") from error


_PARTS = frozenset({".json", ".safetensors", ".txt", ".jinja", ".model", ".bin", ".npz", ".gguf"})


def _detector_revision(spec: str) -> str:
    """A detector's name; with a hash of its content where it is a file."""
    path = Path(spec).expanduser()
    if path.suffix == ".pt" and path.is_file():
        return f"{path.stem} {_sampled(path)}"
    if path.is_dir():
        return f"{path.name} {policy_revision(spec)}"
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
