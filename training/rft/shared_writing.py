"""Rollouts of a group from one reading of its pictures and question.

The think, direct and auto prompts of a group differ only in their last words, and its G rollouts
not at all before their first token. Stock generation reads every prompt G times, pictures and all,
and keeps its keys and values G times; here a group is one sequence, as it is in the loss: what all
share, the few endings, and the tokens of every rollout, none of which sees another's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from ...policy.backends.hf_cache import from_cache, growing_cache, select, to_cache
from ..shared_mask import NOBODY, SHARED, shared_mask
from .shared_prefill import (
    PromptRow,
    common_prefix,
    groups_of,
    has_picture_positions,
    positions_of,
)

LEAVING = 4
"""Groups whose rollouts have all ended leave the batch once they are one in so many."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen; temperature 0 is greedy."""

    max_tokens: int
    end_ids: tuple[int, ...]
    pad_id: int
    temperature: float = 1.0
    suppressed: tuple[int, ...] = ()


@dataclass(slots=True)
class _Sheet:
    """What the groups have read and written so far.

    Attributes:
        cache: keys and values, a sequence for each group.
        blocks: (groups, length) to which block each key belongs: `SHARED`, that of an ending
            (counted from 1 in each group), that of a rollout (from `first_row`), or `NOBODY`.
        first_row: block of the first rollout; no group has more endings than there are rollouts.
    """

    cache: Any
    blocks: torch.Tensor
    first_row: int


@torch.no_grad()
def generate(model: Any, rows: Sequence[PromptRow], sampling: Sampling) -> list[list[int]]:
    """Completions of all rows, end token included where one was written.

    Args:
        model: causal language model, text or Qwen-VL, in eval mode, for which `can_share` holds.
        rows: prompts; those that share a prefix stand next to each other, as TRL lays them out.
        sampling: of tokens.
    """
    groups = groups_of(rows)
    # The last token of each prompt is left for its ending, which foretells the first of an answer.
    prefixes = [
        min(common_prefix([row.ids for row in group]), min(len(row.ids) for row in group) - 1)
        for group in groups
    ]
    places = [{tuple(row.ids): positions_of(model, row) for row in group} for group in groups]
    read = [
        _read(model, group[0], own[tuple(group[0].ids)], prefix)
        for group, own, prefix in zip(groups, places, prefixes, strict=True)
    ]
    sheet = _sheet(read, prefixes, len(rows), model.device)
    endings = [
        {ids: at[..., prefix:] for ids, at in own.items()}
        for own, prefix in zip(places, prefixes, strict=True)
    ]
    foretold = _read_endings(model, sheet, endings, prefixes)
    numbers = [list(own).index(tuple(row.ids)) for group, own in zip(groups, endings, strict=True)
               for row in group]  # fmt: skip
    group_of = [number for number, group in enumerate(groups) for _ in group]
    device = model.device
    start = _Rows(
        torch.arange(len(rows), device=device),
        torch.tensor(group_of, device=device),
        torch.tensor(numbers, device=device) + 1,
        torch.tensor(
            [int(places[g][tuple(row.ids)].max()) + 1
             for g, row in zip(group_of, rows, strict=True)], device=device,
        ),
    )  # fmt: skip
    logits = torch.stack([foretold[g][n] for g, n in zip(group_of, numbers, strict=True)])
    return _write(model, sheet, start, logits, sampling)


def _read(model: Any, row: PromptRow, places: torch.Tensor, end: int) -> list[Any]:
    """Keys and values of a prompt's first tokens, pictures and all; none of none."""
    if end == 0:
        return []
    pictures: dict[str, Any] = {}
    if row.pixels is not None and row.grids is not None:
        pictures["pixel_values"] = row.pixels.to(model.device, model.dtype)
        pictures["image_grid_thw"] = row.grids.to(model.device)
    out = model(
        input_ids=torch.tensor([row.ids[:end]], device=model.device),
        attention_mask=torch.ones(1, end, dtype=torch.long, device=model.device),
        position_ids=places[..., :end],
        past_key_values=to_cache([]),
        use_cache=True,
        logits_to_keep=1,
        **pictures,
    )
    return from_cache(out.past_key_values)


def _sheet(read: Sequence[list[Any]], prefixes: Sequence[int], rows: int, device: Any) -> _Sheet:
    """The groups' prefixes side by side, padded at their end."""
    longest = max(prefixes)
    blocks = torch.full((len(read), longest), NOBODY, dtype=torch.long, device=device)
    for number, prefix in enumerate(prefixes):
        blocks[number, :prefix] = SHARED
    some = next((layers for layers in read if layers), [])
    layers: list[Any] = []
    for at, pair in enumerate(some):
        both: list[torch.Tensor] = []
        for which, like in enumerate(pair):
            whole = like.new_zeros(len(read), like.shape[1], longest, like.shape[3])
            for number, (own, prefix) in enumerate(zip(read, prefixes, strict=True)):
                if own:
                    whole[number, :, :prefix] = own[at][which][0]
            both.append(whole)
        layers.append(tuple(both))
    return _Sheet(growing_cache(layers) if layers else to_cache([]), blocks, rows + 1)


def _read_endings(
    model: Any,
    sheet: _Sheet,
    endings: Sequence[dict[tuple[int, ...], torch.Tensor]],
    prefixes: Sequence[int],
) -> list[list[torch.Tensor]]:
    """Read what each group's prompts end with, all of them at once: logits behind each ending."""
    width = max(sum(len(ids) - prefix for ids in own)
                for own, prefix in zip(endings, prefixes, strict=True))  # fmt: skip
    shape = (len(endings), width)
    device = sheet.blocks.device
    ids = torch.zeros(shape, dtype=torch.long, device=device)
    blocks = torch.full(shape, NOBODY, dtype=torch.long, device=device)
    some = next(iter(endings[0].values()))
    places = torch.zeros(*some.shape[:-2], *shape, dtype=torch.long, device=device)
    lasts: list[list[int]] = []
    for number, (own, prefix) in enumerate(zip(endings, prefixes, strict=True)):
        end, last = 0, list[int]()
        for block, (prompt, at) in enumerate(own.items(), 1):
            begin, end = end, end + len(prompt) - prefix
            ids[number, begin:end] = torch.tensor(prompt[prefix:], device=device)
            blocks[number, begin:end] = block
            places[..., number, begin:end] = at[..., 0, :]
            last.append(end - 1)
        lasts.append(last)
    asked = sorted({place for last in lasts for place in last})
    logits = _step(model, sheet, ids, places, blocks, blocks, torch.tensor(asked, device=device))
    return [
        [logits[number, asked.index(place)] for place in last] for number, last in enumerate(lasts)
    ]


def _step(
    model: Any, sheet: _Sheet, ids: torch.Tensor, places: torch.Tensor,
    before: torch.Tensor, own: torch.Tensor, asked: torch.Tensor | int,
) -> torch.Tensor:  # fmt: skip
    """Read (groups, width) tokens: logits in float32 at the places asked for (0: all).

    A token sees what stands before it in the shared block, in its own and in the one `before`.
    """
    sheet.blocks = torch.cat([sheet.blocks, own], dim=1)
    out = model(
        input_ids=ids,
        attention_mask=shared_mask(sheet.blocks, model.dtype, before),
        position_ids=places,
        past_key_values=sheet.cache,
        use_cache=True,
        logits_to_keep=asked,
    )
    sheet.cache = out.past_key_values
    logits: torch.Tensor = out.logits.float()
    return logits


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rollouts that are being written, in order; each (rows,).

    Attributes:
        numbers: of all that began. groups: each one's sequence. endings: block of its prompt's end.
        places: rotary position of the token to come.
    """

    numbers: torch.Tensor
    groups: torch.Tensor
    endings: torch.Tensor
    places: torch.Tensor

    def chosen(self, which: torch.Tensor) -> _Rows:
        """Some of them, by a (rows,) mask."""
        return _Rows(
            self.numbers[which], self.groups[which], self.endings[which], self.places[which]
        )


def _write(
    model: Any, sheet: _Sheet, rows: _Rows, logits: torch.Tensor, sampling: Sampling
) -> list[list[int]]:
    """Write all completions together, one token of each at a step; those that ended leave."""
    device, count = logits.device, len(rows.numbers)
    ends = torch.tensor(sampling.end_ids, device=device)
    written = torch.full((count, sampling.max_tokens), sampling.pad_id, device=device)
    lengths = torch.full((count,), sampling.max_tokens, device=device)
    for step in range(sampling.max_tokens):
        token = _choose(logits, sampling, rows.numbers, count)
        written[rows.numbers, step] = token
        ended = torch.isin(token, ends)
        lengths[rows.numbers[ended]] = step + 1
        if bool(ended.all()) or step + 1 == sampling.max_tokens:
            break
        rows = _leave(sheet, rows.chosen(~ended))
        logits = _next(model, sheet, rows, token[~ended])
        rows = replace(rows, places=rows.places + 1)
    return [row[:length] for row, length in zip(written.tolist(), lengths.tolist(), strict=True)]


def _leave(sheet: _Sheet, rows: _Rows) -> _Rows:
    """Without the sequences of groups that have no rollout left, once they are enough to copy."""
    present = rows.groups.unique()
    count = sheet.blocks.shape[0]
    if (count - len(present)) * LEAVING < count:
        return rows
    sheet.cache = growing_cache(select(from_cache(sheet.cache), present.tolist(), 0))
    sheet.blocks = sheet.blocks[present]
    return replace(rows, groups=torch.searchsorted(present, rows.groups))


def _next(model: Any, sheet: _Sheet, rows: _Rows, token: torch.Tensor) -> torch.Tensor:
    """(rows, vocabulary) logits behind one more token of each row."""
    groups = rows.groups
    # Rows are in order, so a group's stand beside each other: its first has slot 0.
    slots = torch.arange(len(groups), device=groups.device) - torch.searchsorted(groups, groups)
    shape = (sheet.blocks.shape[0], int(slots.max()) + 1)
    ids, places = token.new_zeros(shape), token.new_zeros(shape)
    own, endings = token.new_full(shape, NOBODY), token.new_full(shape, NOBODY)
    at = (groups, slots)
    ids[at], places[at], endings[at] = token, rows.places, rows.endings
    own[at] = rows.numbers + sheet.first_row
    where = places.expand(3, -1, -1) if has_picture_positions(model) else places
    return _step(model, sheet, ids, where, endings, own, 0)[at]


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
