"""Models and processors for training, from a recipe's model part."""

from __future__ import annotations

from typing import Any

from ..policy.dialect import Dialect
from ..tools.errors import MissingDependency, TrainingError
from ..tools.text import clean_text
from .precision import held_in
from .recipe import ModelPart


def load_processor(part: ModelPart) -> Any:
    """The processor (or the tokenizer of a text model), with `max_pixels` set.

    Raises:
        TrainingError: the folder or hub id can't be loaded. MissingDependency: no transformers.
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
        longest = min(int(size["longest_edge"]), part.max_pixels)
        shortest = min(int(size["shortest_edge"]), longest)
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
        TrainingError: the folder or hub id can't be loaded.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

    try:
        config: Any = AutoConfig.from_pretrained(part.source, trust_remote_code=False)
        sees = hasattr(config, "vision_config")
        loader: Any = AutoModelForImageTextToText if sees else AutoModelForCausalLM
        model: Any = loader.from_pretrained(
            part.source,
            dtype=getattr(torch, held_in(part)),
            attn_implementation=part.attention,
            trust_remote_code=False,
            use_safetensors=True,
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise TrainingError(
            f"{clean_text(part.base, 200)}: the model can't be loaded.",
            "model.base must be a folder with safetensors, or a hub id that is in reach.",
        ) from error
    if part.freeze_vision:
        for parameter in vision_parameters(model):
            parameter.requires_grad_(False)
    return model


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
