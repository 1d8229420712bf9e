"""Prompts, and which of them have their pictures and their first words in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ...policy.backends.hf_cache import stackable


@dataclass(frozen=True, slots=True)
class PromptRow:
    """One prompt, ready.

    Attributes:
        ids: tokens. pixels, grids: features of its pictures, in order, or None for a text prompt.
        types: mm_token_type_ids (1 for image tokens), or None.
    """

    ids: list[int]
    pixels: torch.Tensor | None = None
    grids: torch.Tensor | None = None
    types: list[int] | None = None


def prompt_rows(
    prompts: Sequence[list[int]], counts: Sequence[int], features: Mapping[str, Any], image_pad: int
) -> list[PromptRow] | None:
    """Prompts with the features of their own pictures; None where features are of another kind.

    Args:
        prompts: token ids of each.
        counts: how many pictures each has.
        features: `pixel_values` and `image_grid_thw` of all pictures, in order, or neither.
        image_pad: id of a picture's tokens.
    """
    pixels, grids = features.get("pixel_values"), features.get("image_grid_thw")
    if pixels is None:
        return [PromptRow(ids) for ids in prompts]
    if grids is None:
        return None
    patches = grids.prod(dim=1).tolist()
    rows: list[PromptRow] = []
    picture = patch = 0
    for ids, count in zip(prompts, counts, strict=True):
        size = sum(int(n) for n in patches[picture : picture + count])
        types = [int(token == image_pad) for token in ids]
        own = pixels[patch : patch + size] if count else None
        own_grids = grids[picture : picture + count] if count else None
        rows.append(PromptRow(ids, own, own_grids, types))
        picture, patch = picture + count, patch + size
    return rows


def can_share(model: Any) -> bool:
    """Whether groups can be read and written as one: every layer keeps all its keys, and attention
    takes a mask of its own (flash attention does not).
    """
    return stackable(model.config) and model.config._attn_implementation in ("sdpa", "eager")


def groups_of(rows: Sequence[PromptRow]) -> list[list[PromptRow]]:
    """Neighbouring rows with the same pictures and a prefix that covers them."""
    groups: list[list[PromptRow]] = []
    for row in rows:
        if groups and _joins(groups[-1], row):
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _joins(group: list[PromptRow], row: PromptRow) -> bool:
    head = group[0]
    if head.ids == row.ids and head.pixels is row.pixels:
        return True
    common = common_prefix([r.ids for r in (*group, row)])
    # A picture is read whole or not at all: the prefix must reach past the last of them.
    if 1 in (head.types or [])[common:] or 1 in (row.types or [])[common:]:
        return False
    if (head.pixels is None) != (row.pixels is None):
        return False
    if head.pixels is None or row.pixels is None or head.pixels is row.pixels:
        return common > 0
    same = head.pixels.shape == row.pixels.shape and torch.equal(head.pixels, row.pixels)
    return common > 0 and same


def common_prefix(prompts: Sequence[list[int]]) -> int:
    """Tokens that all prompts begin with; the whole prompt where all are equal."""
    first = prompts[0]
    length = min(len(p) for p in prompts)
    for other in prompts[1:]:
        if other[:length] != first[:length]:
            length = next(i for i in range(length) if other[i] != first[i])
    return length


def has_picture_positions(model: Any) -> bool:
    """Whether a model's rotary positions have three parts: time, height and width."""
    return hasattr(getattr(model, "model", None), "get_rope_index")


def positions_of(model: Any, row: PromptRow) -> torch.Tensor:
    """Rotary positions of a prompt: (3, 1, n) for Qwen-VL models, (1, n) for text models."""
    ids = torch.tensor([row.ids], device=model.device)
    if not has_picture_positions(model):
        return torch.arange(len(row.ids), device=model.device)[None]
    given: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if row.grids is not None:
        given["image_grid_thw"] = row.grids.to(model.device)
    types = row.types if row.types is not None else [0] * len(row.ids)
    given["mm_token_type_ids"] = torch.tensor([types], device=model.device)
    places: torch.Tensor = model.model.get_rope_index(**given)[0]
    return places
