"""One model from several that were finetuned from the same one: the mean of their weights."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..tools.errors import GemvgError, OutputError, UsageError, WeightsError
from .writing import disk_errors

ADAPTER = "adapter_config.json"
PATTERN = "*.safetensors"

CARRIED = frozenset({".json", ".jinja", ".txt", ".model"})
LEFT_BEHIND = frozenset({"outcome.json", "complete.json", "trainer_state.json"})
"""What a folder or a checkpoint says of its own run."""

_CARD = """\
---
library_name: transformers
pipeline_tag: image-text-to-text
tags: [visual-grounding, multi-image]
---
# {name}

The mean of the weights of {number} models (`gemvg-agent train average`):

{parts}
"""


def average(folders: Sequence[Path], output: Path) -> Path:
    """Write a folder whose weights are the mean of several folders' weights, all alike.

    Runs from one start that differ in their seed end near one another, and their mean is often
    better than each and costs nothing when it answers (uniform soup: Wortsman et al., "Model
    soups", ICML 2022, section 2). Means are taken in float32, a tensor at a time, and stored in the
    first folder's types; configuration and processor are the first folder's.

    Args:
        folders: of two or more models of one architecture, none an adapter.
        output: folder to write, complete or not at all.

    Returns:
        `output`.

    Raises:
        UsageError: fewer than two folders, an adapter, or `output` is there already.
        WeightsError: a folder holds no weights, or others than the first.
        OutputError: `output` can't be written.
    """
    if len(folders) < 2:
        raise UsageError("an average is made of two or more models.", "Name their folders.")
    if output.exists():
        raise UsageError(f"{output}: is there already.", "Choose another output folder.")
    shards = [_shards(folder) for folder in folders]
    for folder, own in zip(folders[1:], shards[1:], strict=True):
        if own.keys() != shards[0].keys():
            raise _unlike(folder, folders[0])
    fresh = output.with_name(output.name + ".new")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        with disk_errors():
            for name in dict.fromkeys(shards[0].values()):
                _average_file(folders, shards, name, fresh / name)
        for file in folders[0].iterdir():
            if file.suffix in CARRIED and file.name not in LEFT_BEHIND:
                shutil.copy2(file, fresh / file.name)
        parts = "\n".join(f"- {folder}" for folder in folders)
        card = _CARD.format(name=output.name, number=len(folders), parts=parts)
        (fresh / "README.md").write_text(card, encoding="utf-8")
        fresh.rename(output)
    except GemvgError:
        raise
    except OSError as error:
        raise OutputError(f"{output}: can't be written.", "Choose another output.") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return output


def _shards(folder: Path) -> dict[str, str]:
    """Names of a folder's tensors, and of the file that holds each."""
    from safetensors import safe_open

    if (folder / ADAPTER).is_file():
        raise UsageError(
            f"{folder}: is an adapter, and the mean of its factors is no mean of models.",
            "Merge each into its base first.",
        )
    files = sorted(folder.glob(PATTERN))
    if not files:
        raise WeightsError(f"{folder}: holds no weights.", "Name a folder with *.safetensors.")
    found: dict[str, str] = {}
    for file in files:
        try:
            with safe_open(file, "pt") as stored:
                found.update(dict.fromkeys(stored.keys(), file.name))
        except Exception as error:
            raise WeightsError(f"{file}: can't be read.", "Copy it again.") from error
    return found


def _average_file(
    folders: Sequence[Path], shards: Sequence[dict[str, str]], name: str, target: Path
) -> None:
    """Write one file of the first folder with the means of its tensors."""
    import torch
    from safetensors.torch import save_file

    means: dict[str, Any] = {}
    for tensor in (tensor for tensor, file in shards[0].items() if file == name):
        first = _load(folders[0] / name, tensor)
        if not first.is_floating_point():
            means[tensor] = first
            continue
        total = first.to(torch.float32)
        for folder, own in zip(folders[1:], shards[1:], strict=True):
            other = _load(folder / own[tensor], tensor)
            if other.shape != first.shape:
                raise _unlike(folder, folders[0])
            total = total + other.to(torch.float32)
        means[tensor] = (total / len(folders)).to(first.dtype)
    save_file(means, target, metadata={"format": "pt"})


def _load(file: Path, tensor: str) -> Any:
    from safetensors import safe_open

    with safe_open(file, "pt") as stored:
        return stored.get_tensor(tensor)


def _unlike(folder: Path, first: Path) -> WeightsError:
    return WeightsError(
        f"{folder}: holds other weights than {first}.", "Name models of one architecture and size."
    )
