"""Ultralytics, kept quiet: its modules imported without its habits, its checkpoints loaded safely.

Only the network classes and their loader are used: no predictor, no callbacks, so nothing is sent,
drawn, or saved. Importing the package alone would look for the network, write a settings file into
the user's configuration folder, set OMP_NUM_THREADS, and replace `PIL.Image.open` and
`torch.save`; all of that is prevented or undone here.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import MissingDependency, WeightsError
from ..weights import cache_folder

_LOCK = threading.RLock()

_SAFE_GLOBAL = re.compile(
    r"ultralytics\.nn\.(tasks|modules\.(activation|block|conv|head|transformer|utils))\.[A-Z]\w*"
    r"|ultralytics\.utils\.(IterableSimpleNamespace|loss\.[A-Z]\w*|tal\.[A-Z]\w*)"
    r"|torch\.nn\.modules\.\w+\.[A-Z]\w*"
    r"|torch(\._utils)?\.(Tensor|Size|device|dtype|\w+Storage|_rebuild\w*)"
    r"|numpy(\.core|\._core)?(\.multiarray)?\.(dtype|ndarray|scalar|_reconstruct)"
    r"|numpy\.dtypes\.\w+"
    r"|collections\.(OrderedDict|defaultdict)"
    r"|pathlib(\._local)?\.(Posix|Windows|Pure\w*)Path"
)
"""What a checkpoint may name: network classes and plain data, nothing that does something."""

_QUIET = {
    "YOLO_OFFLINE": "1",
    "YOLO_AUTOINSTALL": "0",
    "YOLO_VERBOSE": "0",
    "ULTRALYTICS_SAFE_LOAD": "1",
}


@contextmanager
def _environment(changes: dict[str, str]) -> Generator[None]:
    """Set variables for a while; everything that changed meanwhile is put back."""
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)


def ultralytics_tasks() -> Any:
    """The module `ultralytics.nn.tasks`, imported without side effects on this process or machine.

    Raises:
        MissingDependency: torch or ultralytics is not installed.
    """
    with _LOCK:
        try:
            # Before ultralytics: it sets OMP_NUM_THREADS=1, which torch reads when it is loaded.
            import torch
            from PIL import Image

            opener, saver = Image.open, torch.save
            config = cache_folder() / "ultralytics"
            with _environment({**_QUIET, "YOLO_CONFIG_DIR": str(config)}):
                from ultralytics.nn import tasks
        except ImportError as error:
            raise MissingDependency(
                "detection needs torch and ultralytics.", "pip install 'gemvg-agent[local]'"
            ) from error
        Image.open, torch.save = opener, saver
        return tasks


def refused_globals(path: Path) -> list[str]:
    """Names in a checkpoint's pickle that are not on the allow-list; the pickle is not run.

    Raises:
        WeightsError: the file is no torch checkpoint.
    """
    import torch

    try:
        named: list[str] = torch.serialization.get_unsafe_globals_in_checkpoint(str(path))
    except Exception as error:
        # Damaged or foreign bytes make torch raise nearly anything here.
        raise WeightsError(
            f"{path.name} is not a checkpoint that can be read.", "Fetch it again."
        ) from error
    return sorted(name for name in named if not _SAFE_GLOBAL.fullmatch(name))


def load_network(path: Path) -> Any:
    """A detection network from a checkpoint, float32, evaluation mode, on the CPU, unfused.

    The pickle is checked against the allow-list first and then loaded by torch's restricted
    unpickler, so a checkpoint can't run code of its own.

    Args:
        path: a `.pt` file of ultralytics; of the cache (hash already checked) or of the user.

    Raises:
        MissingDependency: ultralytics is not installed.
        WeightsError: not a checkpoint, not a detector, or it names something not allowed.
    """
    tasks = ultralytics_tasks()
    refused = refused_globals(path)
    if refused:
        raise WeightsError(
            f"{path.name} is not loaded: its pickle names {refused[0][:80]}.",
            "Use weights from a source that you trust.",
        )
    with _LOCK:
        try:
            checkpoint, _ = tasks.torch_safe_load(str(path), safe_only=True)
            network = checkpoint.get("ema") or checkpoint["model"]
            network = network.float().eval()
        except Exception as error:
            # The loader raises TypeError, RuntimeError, KeyError or pickle errors by the damage.
            raise WeightsError(
                f"{path.name} is not a network that this version of ultralytics can load.",
                "Check the file, or upgrade with pip install -U 'gemvg-agent[local]'.",
            ) from error
    if not isinstance(network, tasks.DetectionModel):
        raise WeightsError(f"{path.name} is a {type(network).__name__}, not a detector.")
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    return network
