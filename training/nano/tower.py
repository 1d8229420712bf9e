"""The vision tower over a batch of pictures of one shape: the stock parameters, no loop."""

from __future__ import annotations

from typing import Any


def patches_of(pixels: Any, patch: int, merge: int) -> Any:
    """Pictures cut as the Qwen-VL processors cut them, without the copy in time.

    Args:
        pixels: (B, height, width, 3) uint8.
        patch: side of a patch, pixels.
        merge: patches along a side of what becomes one token.

    Returns:
        (B, patches, 3 * patch * patch) float in -1..1, patches in blocks of merge x merge.
    """
    count, height, width, _ = pixels.shape
    rows, columns = height // (patch * merge), width // (patch * merge)
    cut = pixels.view(count, rows, merge, patch, columns, merge, patch, 3)
    cut = cut.permute(0, 1, 4, 2, 5, 7, 3, 6).reshape(count, -1, 3 * patch * patch)
    return cut.float().mul_(2.0 / 255.0).sub_(1.0)


def see(visual: Any, pixels: Any) -> tuple[Any, list[Any]]:
    """What the stock tower gives for every picture alone, computed for all at once.

    The tower's convolution runs over two equal frames, so its weights are added up first. Attention
    is written as matrix products, whose backward pass is the fastest on CPUs.

    Args:
        visual: a `Qwen3VLVisionModel`.
        pixels: (B, height, width, 3) uint8, sides multiples of a token's side.

    Returns:
        tokens (B, N, width of the language model) and the features of each deepstack layer.
    """
    import torch
    from torch.nn import functional

    config = visual.config
    patch, merge = config.patch_size, config.spatial_merge_size
    cut = patches_of(pixels, patch, merge)
    grid = torch.tensor(
        [[1, pixels.shape[1] // patch, pixels.shape[2] // patch]], device=pixels.device
    )
    weight = visual.patch_embed.proj.weight.sum(2).flatten(1)
    hidden = functional.linear(cut, weight, visual.patch_embed.proj.bias)
    table, turn = _positions(visual, grid, hidden)
    hidden = hidden + table
    deep: list[Any] = []
    for number, block in enumerate(visual.blocks):
        hidden = hidden + _attention(block.attn, block.norm1(hidden), turn)
        hidden = hidden + block.mlp(block.norm2(hidden))
        if number in visual.deepstack_visual_indexes:
            merger = visual.deepstack_merger_list[visual.deepstack_visual_indexes.index(number)]
            deep.append(_merged(merger, hidden))
    return _merged(visual.merger, hidden), deep


def _positions(visual: Any, grid: Any, hidden: Any) -> tuple[Any, Any]:
    """The position embedding of one picture's patches and the rotary (cos, sin) of them."""
    from transformers.vision_utils import (
        get_vision_interpolation_indices_and_weights,
        get_vision_position_ids,
    )

    merge = visual.config.spatial_merge_size
    taps, weights = get_vision_interpolation_indices_and_weights(
        grid,
        num_grid_per_side=visual.num_grid_per_side,
        mode=visual.interpolation_mode,
        align_corners=visual.interpolation_align_corners,
        spatial_merge_size=merge,
    )
    table = (visual.pos_embed(taps) * weights[:, :, None]).sum(1)
    return table, visual.rotary_pos_emb(hidden, get_vision_position_ids(grid, merge))


def _attention(module: Any, hidden: Any, turn: tuple[Any, Any]) -> Any:
    """Full attention inside each picture: (B, N, width) to (B, N, width)."""
    from transformers.models.qwen3_vl.modeling_qwen3_vl import apply_rotary_pos_emb_vision

    count, patches, width = hidden.shape
    made = module.qkv(hidden).view(count, patches, 3, module.num_heads, -1)
    query, key, value = made.unbind(2)
    query, key = apply_rotary_pos_emb_vision(query, key, *turn)
    query, key, value = (t.transpose(1, 2) for t in (query, key, value))
    scores = query @ key.transpose(2, 3) * module.scaling
    mixed = scores.float().softmax(-1).to(value.dtype) @ value
    return module.proj(mixed.transpose(1, 2).reshape(count, patches, width))


def _merged(merger: Any, hidden: Any) -> Any:
    """A merger over each picture's patches: (B, N, width of the language model)."""
    return merger(hidden).view(hidden.shape[0], -1, merger.linear_fc2.out_features)
