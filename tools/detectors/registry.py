"""From a spec to a detector: one of each kind a process, shared by whoever asks."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..paths import user_path
from ..weights import fetch_weights, known_weights
from .caching import CachingDetector
from .network import NetworkSettings, best_device
from .protocol import Detector
from .runtime import load_network
from .text_features import text_features
from .yolo import YoloDetector
from .yolo_world import OpenYoloDetector
from .zero_shot import ZeroShotDetector

DEFAULT_DETECTOR = "yolo26m"
DEFAULT_OPEN_DETECTOR = "yolov8s-world"

_HUB_ID = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")
_loaded: dict[tuple[str, ...], tuple[str, Detector]] = {}
"""What the files of a spec were when its detector was loaded, and the detector."""
_lock = threading.Lock()


def default_spec() -> str:
    """The detector that GEMVG_DETECTOR names, or the default."""
    return os.environ.get("GEMVG_DETECTOR", "").strip() or DEFAULT_DETECTOR


def default_open_spec() -> str:
    """The open-vocabulary detector that GEMVG_OPEN_DETECTOR names, or the default."""
    return os.environ.get("GEMVG_OPEN_DETECTOR", "").strip() or DEFAULT_OPEN_DETECTOR


def load_detector(spec: str | None = None) -> Detector:
    """The detector of a spec, loaded at the first call and shared in this process from then on.

    It is loaded again where the spec has come to mean another file: one that was written anew, or
    one of that name in another working folder.

    Safe to call and to use from several threads; it looks at the same scene only once.

    Args:
        spec: a name known to `gemvg-agent weights list` (`yolo26m`, `yolo26n`, `yolo11n`,
            `yolov8s-world`), a path to a `.pt` file of ultralytics, or a folder or hub id of a
            zero-shot detection model of transformers. GEMVG_DETECTOR or yolo26m where None.

    Raises:
        UsageError: the spec is none of these, or an open vocabulary lacks its text features.
        WeightsError: the weights can't be fetched, trusted or read.
        MissingDependency: a package is missing.
    """
    chosen = (spec or default_spec()).strip()
    key = (chosen, os.environ.get("GEMVG_CACHE", ""), os.environ.get("GEMVG_CLIP_TEXT", ""))
    with _lock:
        before, files = _loaded.get(key), _files_of(chosen)
        if before is not None and before[0] == files:
            return before[1]
        detector = CachingDetector(_build(chosen))
        _loaded[key] = files, detector
        return detector


def _files_of(spec: str) -> str:
    """What tells a user's own weights from what else may lie under their name; empty for others."""
    if spec.removesuffix(".pt") in known_weights():
        return ""
    try:
        path = user_path(spec)
        parts = sorted(path.iterdir()) if path.is_dir() else [path]
        found = [(str(part.resolve()), part.stat()) for part in parts]
    except (OSError, ValueError):
        return ""
    return str([(name, kept.st_size, kept.st_mtime_ns) for name, kept in found])


def is_there(spec: str) -> bool:
    """Whether a user's own weights can be had by all that is known without loading them.

    A hub id can: whether the hub has it shows when it is asked.
    """
    path = user_path(spec)
    try:
        if path.suffix == ".pt":
            return path.is_file()
        return path.is_dir() or _HUB_ID.fullmatch(spec) is not None
    except OSError:
        # A name that is too long, or a folder that may not be looked into.
        return False


def _build(spec: str) -> Detector:
    """A new detector."""
    if spec.removesuffix(".pt") in known_weights():
        if "world" in spec:
            # Nothing is fetched for a network that could not be told a word.
            text_features()
        return _from_checkpoint(fetch_weights(spec), spec.removesuffix(".pt"))
    path = user_path(spec)
    there = is_there(spec)
    if path.suffix == ".pt":
        if not there:
            raise UsageError(
                f"no weights at {spec}.", f"Known by name: {', '.join(known_weights())}."
            )
        return _from_checkpoint(path, path.stem)
    if there:
        return ZeroShotDetector(str(path) if path.is_dir() else spec, best_device())
    raise UsageError(
        f"no detector {spec[:80]!r}.",
        f"Use {', '.join(known_weights())}, a path to a .pt file, or a folder or hub id of a "
        "zero-shot detection model.",
    )


def _from_checkpoint(path: Path, name: str) -> Detector:
    """A detector of ultralytics, closed or open by what the checkpoint holds."""
    network: Any = load_network(path)
    device = best_device()
    settings = NetworkSettings(device=device, batch=4 if device == "cpu" else 16)
    prompted = hasattr(network, "txt_feats") or (
        hasattr(network, "get_visual_pe") and not hasattr(network.model[-1], "lrpc")
    )
    if prompted:
        return OpenYoloDetector(name, network, text_features(), settings)
    return YoloDetector(name, network, settings)
