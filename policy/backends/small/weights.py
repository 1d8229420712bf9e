"""A folder of a small Qwen3-VL: whether it is one, its settings, its tensors."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....tools.errors import WeightsError

Array = NDArray[np.float32]

WEIGHTS = "model.safetensors"

LARGEST = 64 * 2**20
"""Bytes of a weights file up to which NumPy answers sooner than torch is imported."""

_NEEDED = ("config.json", WEIGHTS, "tokenizer.json", "processor_config.json", "chat_template.jinja")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a folder says of itself: its config, and how its processor cuts pictures up."""

    text: Mapping[str, Any]
    vision: Mapping[str, Any]
    image_id: int
    ends: frozenset[int]
    processor: Mapping[str, Any]


def is_small(folder: Path) -> bool:
    """Whether a folder holds a model that this package computes."""
    if not find_spec("tokenizers") or not all((folder / name).is_file() for name in _NEEDED):
        return False
    if (folder / WEIGHTS).stat().st_size > LARGEST:
        return False
    try:
        config = _read(folder / "config.json")
        text, vision = config.get("text_config", {}), config.get("vision_config", {})
        return (
            config.get("model_type") == "qwen3_vl"
            and "quantization_config" not in config
            and text.get("hidden_act", "silu") == "silu"
            and not text.get("attention_bias")
            and text.get("rope_parameters", {}).get("rope_type") == "default"
            and vision.get("hidden_act", "gelu_pytorch_tanh") == "gelu_pytorch_tanh"
            and _read(folder / "processor_config.json")["image_processor"]["do_resize"] is True
        )
    except (WeightsError, KeyError, AttributeError):
        return False


def read_settings(folder: Path) -> Settings:
    """The settings of a folder. Raises WeightsError where a file can't be read."""
    config = _read(folder / "config.json")
    text = config["text_config"]
    said = folder / "generation_config.json"
    ends = _read(said).get("eos_token_id") if said.is_file() else None
    listed: list[Any] = ends if isinstance(ends, list) else [ends]
    known = {int(i) for i in (*listed, text.get("eos_token_id")) if i is not None}
    return Settings(
        text,
        config["vision_config"],
        int(config["image_token_id"]),
        frozenset(known),
        _read(folder / "processor_config.json")["image_processor"],
    )


def read_tensors(file: Path) -> dict[str, Array]:
    """The tensors of a safetensors file, in float32.

    Raises:
        WeightsError: the file is broken, or holds another kind of numbers.
    """
    try:
        data = file.read_bytes()
        (length,) = struct.unpack_from("<Q", data)
        header: dict[str, Any] = json.loads(data[8 : 8 + length])
        header.pop("__metadata__", None)
        return {name: _tensor(data, 8 + length, part) for name, part in header.items()}
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise WeightsError(
            f"{file.name} can't be read.", "Copy or download the model's folder again."
        ) from error


def _tensor(data: bytes, base: int, part: Mapping[str, Any]) -> Array:
    begin, end = part["data_offsets"]
    kind = {"BF16": np.uint16, "F16": np.float16, "F32": np.float32}[part["dtype"]]
    raw = np.frombuffer(data[base + begin : base + end], kind)
    if part["dtype"] == "BF16":
        # The upper half of a float32.
        raw = (raw.astype(np.uint32) << 16).view(np.float32)
    return raw.astype(np.float32).reshape(part["shape"])


def _read(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{file.name} can't be read.", "Copy or download the model's folder again."
        ) from error
    return found
