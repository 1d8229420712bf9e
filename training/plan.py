"""What a recipe will cost, before anything starts: parameters, memory, steps, time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..tools.errors import TrainingError
from ..tools.text import clean_text
from .precision import held_in
from .recipe import Recipe

GIB = 1024**3
USABLE = 0.94
"""Share of a device's memory that a run may plan for; the rest goes to fragments and the driver."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The estimate.

    Attributes:
        parameters, trained: counts, without adapters and of what is trained.
        memory: GiB by part, on one device. total: their sum. available: GiB of the device, or None.
        samples: rollouts or samples in the whole run. tokens: of one step on one device.
        seconds: of the run on one device, or None where the device's speed is not known.
        fits: False where `total` is more than the device has.
    """

    parameters: int
    trained: int
    memory: dict[str, float]
    available: float | None
    samples: int
    tokens: int
    seconds: float | None
    fits: bool

    @property
    def total(self) -> float:
        """GiB of all parts."""
        return sum(self.memory.values())


def plan(recipe: Recipe, config: Any = None) -> Plan:
    """Estimate a recipe; reads the base's config only, never its weights.

    Memory: weights (in float32 where they are trained), gradients and AdamW's two moments of what
    is trained, the sequences' activations (with checkpointing one hidden state a layer), logits in
    float32, and the KV cache or vLLM's share. An estimate within some 20%; the first step tells
    the rest.

    Args:
        recipe: what to estimate.
        config: the base's transformers config; loaded from `model.base` where None.

    Raises:
        TrainingError: the base's config can't be loaded, or is that of no model of this kind.
    """
    loaded = config if config is not None else _config(recipe)
    text = _text_shape(recipe, loaded)
    parameters, vision = count_parameters(loaded)
    width = _bytes(recipe.model.dtype)
    if recipe.model.lora is not None:
        trained = _lora_parameters(text, recipe.model.lora.rank)
    else:
        trained = parameters - (vision if recipe.model.freeze_vision else 0)
    length = _length(recipe, loaded)
    batch = recipe.optim.batch
    layers, hidden = int(text.num_hidden_layers), int(text.hidden_size)
    kept = 2 if recipe.model.gradient_checkpointing else 16
    memory = {
        "weights": parameters * _bytes(held_in(recipe.model)) / GIB,
        "gradients": trained * 4 / GIB,
        "optimizer": trained * 8 / GIB,
        "activations": batch * length * hidden * layers * kept * width / GIB,
        "logits": batch * min(length, _answer_length(recipe)) * int(text.vocab_size) * 4 * 2 / GIB,
    }
    device = _device(recipe)
    if recipe.rft is not None:
        memory["generation"] = _generation(recipe, text, length, width, device)
        if recipe.rft.beta > 0 and recipe.model.lora is None:
            memory["reference"] = parameters * width / GIB
    tokens = batch * recipe.optim.accumulate * length
    seconds = _seconds(recipe, parameters, tokens, device)
    samples = batch * recipe.optim.accumulate * recipe.optim.steps
    total = sum(memory.values())
    fits = device is None or total <= device * USABLE
    return Plan(parameters, trained, memory, device, samples, tokens, seconds, fits)


def _bytes(dtype: str) -> int:
    return 2 if dtype == "bfloat16" else 4


def _config(recipe: Recipe) -> Any:
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(recipe.model.source, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(
            f"{clean_text(recipe.model.base, 200)}: its config can't be loaded.",
            "model.base must be a folder with a saved model, or a hub id that is in reach.",
        ) from error


SHAPE = ("num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads",
         "num_key_value_heads", "vocab_size")  # fmt: skip
"""What the config of a language model of this kind says of it."""


def _text_shape(recipe: Recipe, config: Any) -> Any:
    """The language model's part of a config. Raises TrainingError where it is of another kind."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING,
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
    )

    sees = hasattr(config, "vision_config")
    known = MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING if sees else MODEL_FOR_CAUSAL_LM_MAPPING
    text = getattr(config, "text_config", config)
    if type(config) not in known or any(not hasattr(text, name) for name in SHAPE):
        raise TrainingError(
            f"{clean_text(recipe.model.base, 200)}: a model of the kind "
            f"{clean_text(str(config.model_type), 40)} can't be trained here.",
            "model.base must be a vision-language model of the Qwen-VL family.",
        )
    return text


def count_parameters(config: Any) -> tuple[int, int]:
    """(all, of the vision tower) by building the model without memory (torch's meta device)."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    from .loading import vision_parameters

    sees = hasattr(config, "vision_config")
    loader: Any = AutoModelForImageTextToText if sees else AutoModelForCausalLM
    with torch.device("meta"):
        model = loader.from_config(config)
    every = sum(p.numel() for p in {id(p): p for p in model.parameters()}.values())
    return every, sum(p.numel() for p in vision_parameters(model))


def _lora_parameters(text: Any, rank: int) -> int:
    """Adapters on the seven linear layers of every block."""
    hidden, inner = int(text.hidden_size), int(text.intermediate_size)
    heads = int(text.num_attention_heads)
    head = int(getattr(text, "head_dim", None) or hidden // heads)
    keys = head * int(text.num_key_value_heads)
    shapes = [(hidden, heads * head), (heads * head, hidden), (hidden, keys), (hidden, keys)]
    shapes += [(hidden, inner), (hidden, inner), (inner, hidden)]
    return int(text.num_hidden_layers) * sum(rank * (a + b) for a, b in shapes)


def _answer_length(recipe: Recipe) -> int:
    return recipe.rft.max_completion_tokens if recipe.rft is not None else 256


def _length(recipe: Recipe, config: Any, pictures: int = 4) -> int:
    """Tokens of one sequence with four pictures at the recipe's size, prompt and answer."""
    vision = getattr(config, "vision_config", None)
    if vision is None:
        return 512 + _answer_length(recipe)
    patch, merge = int(vision.patch_size), int(getattr(vision, "spatial_merge_size", 2))
    each = recipe.model.max_pixels // (patch * merge) ** 2
    return pictures * each + 512 + _answer_length(recipe)


def _device(recipe: Recipe) -> float | None:
    """GiB of the device that the run would use, or None on a CPU."""
    import torch

    if recipe.run.cpu or not torch.cuda.is_available():
        return None
    return torch.cuda.get_device_properties(0).total_memory / GIB


def _generation(recipe: Recipe, text: Any, length: int, width: int, device: float | None) -> float:
    part = recipe.rft
    assert part is not None
    if part.vllm == "server":
        return 0.0
    if part.vllm == "colocate":
        return part.vllm_memory * (device or 141.0)
    head = int(getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads)
    cache = 2 * int(text.num_hidden_layers) * int(text.num_key_value_heads) * head * width
    return recipe.optim.batch * length * cache / GIB


def _seconds(recipe: Recipe, parameters: int, tokens: int, device: float | None) -> float | None:
    """Six FLOP a parameter and token, half as much again for checkpointing and generation."""
    if device is None:
        return None
    peak = 790e12 if device > 100 else 300e12
    busy = 0.3
    factor = 6 * (1.33 if recipe.model.gradient_checkpointing else 1.0)
    factor += 4 if recipe.rft is not None else 0
    return recipe.optim.steps * tokens * parameters * factor / (peak * busy)
