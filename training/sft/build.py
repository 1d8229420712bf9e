"""The SFT trainer of a recipe, on TRL."""

from __future__ import annotations

from typing import Any

from ...policy.dialect import Dialect
from ...tools.errors import TrainingError
from ..grids import grid_of_processor
from ..loading import lora_config
from ..recipe import Recipe
from ..rows import check_pictures, sft_rows, with_pictures
from ..run import common_arguments
from .collator import SftCollator


def build_sft_trainer(recipe: Recipe, model: Any, processor: Any, dialect: Dialect) -> Any:
    """A `trl.SFTTrainer` over the recipe's data with our collator.

    Raises:
        DataError: data missing or wrong. TrainingError: packing with an attention that can't.
    """
    from trl import SFTConfig

    from .trainer import RecipeSFTTrainer

    part = recipe.sft
    assert part is not None
    if part.packing and recipe.model.attention == "flash_attention_2":
        raise TrainingError(
            "packing masks samples from each other, which flash attention can't be told here.",
            "Set model.attention to sdpa, or sft.packing to false.",
        )
    data = recipe.data
    grid_of, seed = grid_of_processor(processor), recipe.run.seed
    rows = sft_rows(data.train, dialect, part, seed, data.limit, grid_of, data.split)
    check_pictures(rows)
    held: list[dict[str, Any]] = []
    if data.eval:
        held = sft_rows(data.eval, dialect, part, seed, data.eval_limit, grid_of, "val")
        check_pictures(held)
    arguments = SFTConfig(
        **common_arguments(recipe),
        max_length=None,
        packing=False,
        dataset_kwargs={"skip_prepare_dataset": True},
    )
    trainer = RecipeSFTTrainer(
        model=model,
        args=arguments,
        data_collator=SftCollator(processor, model, part.packing, part.max_tokens),
        train_dataset=with_pictures(rows),
        eval_dataset=with_pictures(held) if held else None,
        processing_class=processor,
        peft_config=lora_config(recipe.model),
    )
    # The Qwen-VL classes say that they take no loss arguments, though their loss does; left so, a
    # batch in several passes has the mean of the passes' means, in which short answers weigh more.
    trainer.model_accepts_loss_kwargs = True
    return trainer
