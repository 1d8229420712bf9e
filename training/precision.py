"""In which precision weights are held while they are trained, and saved when they are done."""

from __future__ import annotations

import json
from pathlib import Path

from .recipe import ModelPart


def held_in(part: ModelPart) -> str:
    """The dtype of the weights in memory: float32 where they are trained themselves.

    A step at a rate of 1e-6 is less than half of what tells a bfloat16 weight from the next one,
    so it would be rounded away: nothing but the largest steps would be taken. The computation is in
    the recipe's dtype (autocast). A base that stays as it is under adapters is held in it, too.
    """
    return "float32" if part.lora is None else part.dtype


def save_in(folder: Path, dtype: str) -> None:
    """Convert a saved model's floating-point weights to a dtype, file by file.

    Args:
        folder: with `config.json` and safetensors.
        dtype: a name of torch's.

    Raises:
        OSError: a file can't be written.
    """
    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file

    wanted: torch.dtype = getattr(torch, dtype)
    size = 0
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as held:
            tensors = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118
            metadata = held.metadata()
        tensors = {
            name: tensor.to(wanted) if tensor.is_floating_point() else tensor
            for name, tensor in tensors.items()
        }
        size += sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
        fresh = file.with_suffix(".new")
        save_file(tensors, fresh, metadata=metadata)
        fresh.replace(file)
    _say(folder / "config.json", dtype)
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        content = json.loads(index.read_text(encoding="utf-8"))
        content.setdefault("metadata", {})["total_size"] = size
        index.write_text(json.dumps(content, indent=2), encoding="utf-8")


def _say(config: Path, dtype: str) -> None:
    """Let a config, and those of its towers, name the dtype."""
    if not config.is_file():
        return
    content = json.loads(config.read_text(encoding="utf-8"))
    for part in (content, content.get("text_config"), content.get("vision_config")):
        if isinstance(part, dict):
            part.update({key: dtype for key in ("dtype", "torch_dtype") if key in part})
    config.write_text(json.dumps(content, indent=2), encoding="utf-8")
