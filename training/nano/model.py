"""A fresh nano model: the stock Qwen3-VL class with starting values that let it learn to see."""

from __future__ import annotations

import math
from typing import Any

from ...policy.dialects.nano_tokens import COORDINATES, coordinate
from .size import NanoSize, make_config

RESIDUAL_OUTPUTS = ("attn.proj", "o_proj", "mlp.linear_fc2", "down_proj")
"""Matrices whose output is added to the residual stream of a tower."""


def build_model(size: NanoSize, tokenizer: Any, seed: int) -> Any:
    """A `Qwen3VLForConditionalGeneration` in float32, initialised from a seed alone.

    Attention is computed by plain matrix products: on CPUs their backward pass is faster than the
    fused kernels', and it takes any mask. A saved folder loads with whatever attention is asked.
    """
    import torch
    from transformers import Qwen3VLForConditionalGeneration

    config = make_config(size, tokenizer)
    config._attn_implementation = "eager"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any = Qwen3VLForConditionalGeneration(config).float()
        initialise(model)
    first = int(tokenizer.convert_tokens_to_ids(coordinate(COORDINATES[0])))
    number_coordinates(model, first, len(COORDINATES), seed)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model


def initialise(model: Any) -> None:
    """Set starting values: with the stock standard deviation of .02 localisation is never learnt.

    Matrices: normal, variance 1 / inputs. Those that write to the residual stream: divided by the
    square root of twice their tower's layers. Position embedding of the vision tower: half a 2-D
    sine-cosine table. Biases zero, norms one.
    """
    import torch

    depths = {
        "visual": model.config.vision_config.depth,
        "language": model.config.text_config.num_hidden_layers,
    }
    with torch.no_grad():
        for name, module in model.named_modules():
            weight: Any = getattr(module, "weight", None)
            if isinstance(module, (torch.nn.Linear, torch.nn.Conv3d)):
                if module.weight is model.get_input_embeddings().weight:
                    continue
                std = 1.0 / math.sqrt(weight[0].numel())
                if name.endswith(RESIDUAL_OUTPUTS):
                    tower = "visual" if ".visual." in name else "language"
                    std /= math.sqrt(2 * depths[tower])
                weight.normal_(0.0, std)
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, torch.nn.Embedding):
                weight.normal_(0.0, 1.0 / math.sqrt(weight.shape[1]))
        for layer in model.model.language_model.layers:
            # Attention begins as likeness: a name looks where its thing is (see `word_names`).
            query, key = layer.self_attn.q_proj.weight, layer.self_attn.k_proj.weight
            key.copy_(query[: key.shape[0]])
        table = model.model.visual.pos_embed.weight
        table.copy_(0.5 * position_table(math.isqrt(table.shape[0]), table.shape[1]))


def number_coordinates(model: Any, first: int, count: int, seed: int) -> None:
    """Begin the coordinate tokens as a line: neighbours alike, far ones not.

    Each is a sum of sines and cosines of its number (periods of two to `2 * count` steps), turned
    by a random matrix so that it fills the width, and as long as the other words.

    Args:
        model: its embedding is written to; the tokens follow each other.
        first: id of the first.
        count: how many.
        seed: of the matrix.
    """
    import torch

    table = model.get_input_embeddings().weight
    waves = 32
    periods = 2.0 * count * (4.0 / (2.0 * count)) ** (torch.arange(waves) / (waves - 1))
    angles = 2 * math.pi * torch.arange(count)[:, None] / periods
    # Long waves weigh more: a coordinate is first of all roughly somewhere.
    code = torch.cat([angles.sin(), angles.cos()], dim=1) * (periods / periods[0]).pow(0.25).repeat(
        2
    )
    turn = torch.randn(2 * waves, table.shape[1], generator=torch.Generator().manual_seed(seed))
    placed = code @ turn
    with torch.no_grad():
        length = table.norm(dim=1).mean()
        table[first : first + count] = placed / placed.norm(dim=1, keepdim=True) * length


def position_table(side: int, width: int) -> Any:
    """A 2-D sine-cosine table (side * side, width), rows first; Chen et al. 2021 (MoCo v3), s. 4.

    A quarter of the width each: sine and cosine of the row, sine and cosine of the column.
    """
    import torch

    quarter = width // 4
    rate = 1.0 / 10_000 ** (torch.arange(quarter) / quarter)
    row, column = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    rows, columns = row.reshape(-1, 1) * rate, column.reshape(-1, 1) * rate
    return torch.cat([rows.sin(), rows.cos(), columns.sin(), columns.cos()], dim=1)


def parameter_count(model: Any) -> int:
    """Parameters, tied ones once."""
    return sum(p.numel() for p in model.parameters())
