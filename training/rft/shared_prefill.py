"""Rollouts of a group from one reading of its pictures and question.

The think, direct and auto prompts of a group differ only in their last words, and its G rollouts
not at all before their first token. Stock generation reads every prompt G times, pictures and all;
here the common prefix is read once, each of its few endings once, and only the writing is batched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ...policy.backends.hf_cache import (
    from_cache,
    growing_cache,
    select,
    stack,
    stackable,
    to_cache,
)

LEAVING = 6
"""Rows that have ended leave the batch once they are one in so many; it is copied then."""


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


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen; temperature 0 is greedy."""

    max_tokens: int
    end_ids: tuple[int, ...]
    pad_id: int
    temperature: float = 1.0
    suppressed: tuple[int, ...] = ()


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
    """Whether the model's caches can be cut and stacked (every layer keeps all its keys)."""
    return stackable(model.config)


@torch.no_grad()
def generate(model: Any, rows: Sequence[PromptRow], sampling: Sampling) -> list[list[int]]:
    """Completions of all rows, end token included where one was written.

    Args:
        model: causal language model, text or Qwen-VL, in eval mode.
        rows: prompts; those that share a prefix stand next to each other, as TRL lays them out.
        sampling: of tokens.
    """
    caches: list[Any] = []
    logits: list[torch.Tensor] = []
    positions: list[int] = []
    for group in groups_of(rows):
        read: dict[tuple[int, ...], tuple[Any, torch.Tensor, int]] = {}
        prefix = common_prefix([row.ids for row in group])
        shared: Any = None
        for row in group:
            key = tuple(row.ids)
            if key not in read:
                places = positions_of(model, row)
                if shared is None and 0 < prefix < len(row.ids):
                    shared = from_cache(_read(model, row, places, 0, prefix, None)[0])
                begin = prefix if shared is not None else 0
                cache, last = _read(model, row, places, begin, len(row.ids), shared)
                read[key] = (from_cache(cache), last, int(places.max()) + 1)
            layers, last, place = read[key]
            caches.append(layers)
            logits.append(last)
            positions.append(place)
    return _write(model, caches, torch.stack(logits), positions, sampling)


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


def positions_of(model: Any, row: PromptRow) -> torch.Tensor:
    """Rotary positions of a prompt: (3, 1, n) for Qwen-VL models, (1, n) for text models."""
    inner = getattr(model, "model", None)
    ids = torch.tensor([row.ids], device=model.device)
    if inner is None or not hasattr(inner, "get_rope_index"):
        return torch.arange(len(row.ids), device=model.device)[None]
    given: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if row.grids is not None:
        given["image_grid_thw"] = row.grids.to(model.device)
    types = row.types if row.types is not None else [0] * len(row.ids)
    given["mm_token_type_ids"] = torch.tensor([types], device=model.device)
    places: torch.Tensor = inner.get_rope_index(**given)[0]
    return places


def _read(
    model: Any, row: PromptRow, places: torch.Tensor, begin: int, end: int, layers: Any
) -> tuple[Any, torch.Tensor]:
    """Read tokens begin to end of a row behind a cache: (cache, logits of the last one)."""
    pictures: dict[str, Any] = {}
    if row.pixels is not None and begin == 0 and row.grids is not None:
        pictures["pixel_values"] = row.pixels.to(model.device, model.dtype)
        pictures["image_grid_thw"] = row.grids.to(model.device)
    out = model(
        input_ids=torch.tensor([row.ids[begin:end]], device=model.device),
        attention_mask=torch.ones(1, end, dtype=torch.long, device=model.device),
        position_ids=places[..., begin:end],
        past_key_values=to_cache(layers or []),
        use_cache=True,
        logits_to_keep=1,
        **pictures,
    )
    return out.past_key_values, out.logits[0, -1].float()


def _write(
    model: Any,
    caches: Sequence[Any],
    logits: torch.Tensor,
    positions: Sequence[int],
    sampling: Sampling,
) -> list[list[int]]:
    """Write all completions together, one token of each at a step; those that ended leave."""
    layers, pads = stack(caches)
    cache = growing_cache(layers)
    device, count = logits.device, len(pads)
    mask = torch.ones(count, int(cache.get_seq_length()), dtype=torch.long, device=device)
    for index, pad in enumerate(pads):
        mask[index, :pad] = 0
    place = torch.tensor(positions, device=device)
    ends = torch.tensor(sampling.end_ids, device=device)
    rows = torch.arange(count, device=device)
    done = torch.zeros(count, dtype=torch.bool, device=device)
    written = torch.full((count, sampling.max_tokens), sampling.pad_id, device=device)
    many = hasattr(getattr(model, "model", None), "get_rope_index")
    for step in range(sampling.max_tokens):
        token = _choose(logits, sampling, rows, count)
        token = torch.where(done, torch.full_like(token, sampling.pad_id), token)
        written[rows, step] = token
        done = done | torch.isin(token, ends)
        if bool(done.all()) or step + 1 == sampling.max_tokens:
            break
        mask = torch.cat([mask, torch.ones_like(mask[:, :1])], dim=1)
        if int(done.sum()) * LEAVING >= len(rows):
            stay = (~done).nonzero()[:, 0]
            cache = growing_cache(select(from_cache(cache), stay.tolist(), 0))
            rows, token, mask, place = rows[stay], token[stay], mask[stay], place[stay]
            done = done[stay]
        out = model(
            input_ids=token[:, None],
            attention_mask=mask,
            position_ids=place[None, :, None].expand(3, -1, 1) if many else place[:, None],
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        cache, logits, place = out.past_key_values, out.logits[:, -1].float(), place + 1
    return _cut(written.tolist(), set(sampling.end_ids))


def _choose(
    logits: torch.Tensor, sampling: Sampling, rows: torch.Tensor, count: int
) -> torch.Tensor:
    """The next token of each of `rows`, of `count` that began.

    A number is drawn for all that began, so that no row's token depends on which others left.
    """
    if sampling.suppressed:
        logits = logits.clone()
        logits[:, list(sampling.suppressed)] = float("-inf")
    if sampling.temperature <= 0.0:
        return logits.argmax(dim=-1)
    reached = torch.softmax(logits / sampling.temperature, dim=-1).double().cumsum(dim=-1)
    drawn = torch.rand(count, 1, device=logits.device, dtype=reached.dtype)[rows]
    # The first token whose share of the whole reaches beyond what was drawn: it has a chance.
    token = (reached <= drawn * reached[:, -1:]).sum(dim=-1)
    return token.clamp(max=reached.shape[-1] - 1)


def _cut(rows: list[list[int]], ends: set[int]) -> list[list[int]]:
    """Rows up to and with their first end token."""
    cut: list[list[int]] = []
    for row in rows:
        stop = next((i for i, token in enumerate(row) if token in ends), len(row) - 1)
        cut.append(row[: stop + 1])
    return cut
