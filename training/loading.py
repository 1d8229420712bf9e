"""Models and processors for training, from a recipe's model part."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..policy.dialect import Dialect
from ..tools.errors import MissingDependency, TrainingError
from ..tools.text import clean_text
from .precision import held_in
from .recipe import ModelPart


def load_processor(part: ModelPart) -> Any:
    """The processor (or the tokenizer of a text model), with `max_pixels` set.

    Raises:
        TrainingError: the folder or hub id can't be loaded, or is of another family.
        MissingDependency: no transformers.
    """
    try:
        from transformers import AutoProcessor
    except ImportError as error:
        raise MissingDependency(
            "training needs the extra `train`.", "pip install 'gemvg-agent[train]'"
        ) from error
    try:
        processor: Any = AutoProcessor.from_pretrained(part.source, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(
            f"{clean_text(part.base, 200)}: its processor can't be loaded.",
            "model.base must be a folder with a saved model, or a hub id that is in reach.",
        ) from error
    size = getattr(getattr(processor, "image_processor", None), "size", None)
    if size is not None:
        bounds = [size.get(name) for name in ("shortest_edge", "longest_edge")]
        if None in bounds or not hasattr(processor.image_processor, "merge_size"):
            raise TrainingError(
                f"{clean_text(part.base, 200)}: its processor is of another kind.",
                "model.base must be a vision-language model of the Qwen-VL family.",
            )
        longest = min(int(bounds[1]), part.max_pixels)
        shortest = min(int(bounds[0]), longest)
        processor.image_processor.size = {"shortest_edge": shortest, "longest_edge": longest}
    return processor


def check_sees(processor: Any, part: ModelPart) -> None:
    """Raises TrainingError where the base is a text model: its questions are about pictures."""
    if getattr(processor, "image_processor", None) is None:
        raise TrainingError(
            f"{clean_text(part.base, 200)}: the model takes no pictures.",
            "model.base must be a vision-language model of the Qwen-VL family.",
        )


def load_model(part: ModelPart) -> Any:
    """The model as it is held while it is trained; frozen where the recipe freezes its vision.

    Raises:
        TrainingError: the folder or hub id can't be loaded, lacks weights, or has no layers that
            adapters are wanted for. MissingDependency: the attention is not installed.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

    try:
        config: Any = AutoConfig.from_pretrained(part.source, trust_remote_code=False)
        sees = hasattr(config, "vision_config")
        loader: Any = AutoModelForImageTextToText if sees else AutoModelForCausalLM
        model, loaded = loader.from_pretrained(
            part.source,
            dtype=getattr(torch, held_in(part)),
            attn_implementation=part.attention,
            trust_remote_code=False,
            use_safetensors=True,
            # What does not fit is told of below: it would be trained from chance.
            output_loading_info=True,
            ignore_mismatched_sizes=True,
        )
    except ImportError as error:
        raise MissingDependency(
            f"model.attention {part.attention} can't be had here.", "Set model.attention to sdpa."
        ) from error
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise TrainingError(
            f"{clean_text(part.base, 200)}: the model can't be loaded.",
            "model.base must be a folder with safetensors, or a hub id that is in reach.",
        ) from error
    _check_whole(part, loaded)
    if part.lora is not None:
        check_targets(model, part)
    if part.freeze_vision:
        for parameter in vision_parameters(model):
            parameter.requires_grad_(False)
    return model


def _check_whole(part: ModelPart, loaded: Mapping[str, Any]) -> None:
    """Whether every weight was found; transformers would begin the others by chance and go on."""
    unlike = [str(entry[0]) for entry in loaded["mismatched_keys"]]
    lacking = sorted({*loaded["missing_keys"], *unlike})
    if lacking:
        raise TrainingError(
            f"{clean_text(part.base, 200)}: lacks {len(lacking)} weights of its config, such as "
            f"{clean_text(lacking[0], 100)}, or has them in another size.",
            "Copy the model again, its config and its weights.",
        )


def check_targets(model: Any, part: ModelPart) -> None:
    """Whether every name of `lora.targets` is that of a layer which may be trained.

    Raises:
        TrainingError: one is not; the library would leave it out if another one is.
    """
    assert part.lora is not None
    targets = part.lora.targets
    if targets == "all-linear":
        return
    layers = [
        name for name, _ in model.named_modules()
        if not (part.freeze_vision and "visual" in name)
    ]  # fmt: skip
    for target in [targets] if isinstance(targets, str) else targets:
        if not any(_is_meant(name, target, targets) for name in layers):
            raise TrainingError(
                f"model.lora.targets: the model has no layer {clean_text(target, 80)!r} to train.",
                "Name its layers, such as [q_proj, v_proj], or leave targets out for all.",
            )


def _is_meant(name: str, target: str, targets: str | list[str]) -> bool:
    """Whether a layer is a target: the end of its name in a list, a pattern of all of it alone."""
    if not isinstance(targets, str):
        return name == target or name.endswith(f".{target}")
    try:
        return re.fullmatch(target, name) is not None
    except re.error:
        return False


def vision_parameters(model: Any) -> list[Any]:
    """Parameters of the vision tower and its merger; empty for a text model."""
    return [p for name, p in model.named_parameters() if ".visual." in f".{name}"]


def lora_config(part: ModelPart) -> Any:
    """The PEFT config of the recipe, or None."""
    if part.lora is None:
        return None
    from peft import LoraConfig

    exclude = r".*visual.*" if part.freeze_vision else None
    return LoraConfig(
        r=part.lora.rank,
        lora_alpha=part.lora.alpha,
        lora_dropout=part.lora.dropout,
        target_modules=part.lora.targets,
        exclude_modules=exclude,
        task_type="CAUSAL_LM",
    )


def training_dialect(part: ModelPart) -> Dialect:
    """The dialect in which the model is trained to write.

    Raises:
        UnknownDialect: none is named and none is known for the base.
    """
    from ..policy.dialects import dialect_for_model, get_dialect

    return get_dialect(part.dialect) if part.dialect else dialect_for_model(part.base)
