"""The hybrid RFT trainer of a recipe."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from ...policy.dialect import Dialect
from ...tools.errors import DataError, MissingDependency
from ...tools.toolbox import make_tools
from ..grids import grid_of_processor
from ..loading import lora_config
from ..recipe import Recipe, RftPart
from ..rewards.presets import get_preset
from ..rows import check_pictures, rft_rows, with_pictures
from ..run import common_arguments
from .environment import GroundingEnvironment
from .reward_functions import GroupScorer
from .tool_calling import prepare_tool_calls
from .trainer import HybridGRPOTrainer
from .watch import SampleSheets

VISION_TOKENS = ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>",
                 "<|vision_pad|>")  # fmt: skip


def build_rft_trainer(recipe: Recipe, model: Any, processor: Any, dialect: Dialect) -> Any:
    """A `HybridGRPOTrainer` over the recipe's data, with tool episodes where it offers tools.

    Raises:
        DataError: data missing, wrong, or too few for a step. UsageError: no such reward preset or
            term. MissingDependency: the recipe generates with vLLM, which is not installed.
    """
    part, data = recipe.rft, recipe.data
    assert part is not None
    if part.vllm != "off" and find_spec("vllm") is None:
        raise MissingDependency(
            f"rft.vllm is {part.vllm}, and vLLM is not installed.",
            "pip install 'gemvg-agent[vllm]', or set rft.vllm to off.",
        )
    tools = make_tools(tuple(part.tools)) if part.tools else {}
    if tools:
        prepare_tool_calls(processor)
    told = tuple(tools.values()) if dialect.tools_in_prompt else ()
    grid_of = grid_of_processor(processor)
    rows = rft_rows(data.train, dialect, told, data.limit, grid_of, data.episodes, data.split)
    check_pictures(rows)
    held = rft_rows(data.eval, dialect, told, data.eval_limit, grid_of, split="val")
    check_pictures(held)
    preset = get_preset(part.preset).without(*part.drop_terms)
    scorer = GroupScorer(preset, dialect, grid_of=grid_of, progression=part.progression)
    trainer = HybridGRPOTrainer(
        scorer=scorer,
        shares=part.shares,
        baseline=part.baseline,
        choice=part.choice,
        choice_weight=part.choice_weight,
        credit=part.credit,
        direct_bonus=part.direct_bonus,
        shared_prefill=part.shared_prefill,
        shared_loss=part.shared_loss and not tools,
        tools_in_prompt=bool(told),
        model=model,
        args=_arguments(recipe, part, processor),
        train_dataset=with_pictures(rows),
        eval_dataset=with_pictures(held) if held else None,
        processing_class=processor,
        peft_config=lora_config(recipe.model),
        environment_factory=(
            GroundingEnvironment.offering(tools, dialect, part.max_tool_calls, grid_of=grid_of)
            if tools
            else None
        ),
    )
    _check_enough(trainer, len(rows))
    _lighten_reference(trainer, recipe)
    trainer.add_callback(SampleSheets(trainer, recipe.run.sample_every))
    return trainer


def _check_enough(trainer: HybridGRPOTrainer, questions: int) -> None:
    """Whether a step can be filled: TRL leaves out a last one that can't, the only one included."""
    args: Any = trainer.args
    together = int(args.generation_batch_size) // int(trainer.num_generations or 1)
    if questions < together:
        raise DataError(
            f"a step asks {together} questions (optim.batch x optim.accumulate x processes / "
            f"rft.group), and there are {questions}.",
            "Lower optim.batch or optim.accumulate, or train on more.",
        )


def _lighten_reference(trainer: HybridGRPOTrainer, recipe: Recipe) -> None:
    """The reference takes no steps, so it is held in the dtype that it computes in."""
    import torch
    from accelerate.utils import DistributedType

    reference: Any = trainer.ref_model
    whole = (DistributedType.NO, DistributedType.MULTI_GPU)
    if reference is not None and trainer.accelerator.distributed_type in whole:
        reference.to(getattr(torch, recipe.model.dtype))


def _arguments(recipe: Recipe, part: RftPart, processor: Any) -> Any:
    from trl import GRPOConfig

    tokenizer = getattr(processor, "tokenizer", processor)
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    # A sampled picture token has no picture behind it and breaks rotary positions.
    forbidden = [vocabulary[token] for token in VISION_TOKENS if token in vocabulary]
    engine: dict[str, Any] = {"use_vllm": part.vllm != "off"}
    if part.vllm == "colocate":
        engine |= {"vllm_mode": "colocate", "vllm_gpu_memory_utilization": part.vllm_memory}
    elif part.vllm == "server":
        engine |= {"vllm_mode": "server", "vllm_server_base_url": part.vllm_server}
    return GRPOConfig(
        **common_arguments(recipe),
        **engine,
        num_generations=part.group,
        beta=part.beta,
        epsilon=part.clip[0],
        epsilon_high=part.clip[1],
        temperature=part.temperature,
        max_completion_length=part.max_completion_tokens,
        max_tool_calling_iterations=part.max_tool_calls,
        generation_kwargs={"suppress_tokens": forbidden}
        if forbidden and part.vllm == "off"
        else {},
        log_completions=False,
    )
