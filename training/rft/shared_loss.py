"""Log-probabilities of a group's completions from one reading of its pictures and question.

A group's rollouts share nearly all of what stands before their first token. The stock loss reads
it once a rollout, forwards and backwards; here a group is one sequence, the shared prefix and
behind it every rollout, none of which sees another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch.utils.checkpoint import checkpoint

from ..shared_mask import shared_mask
from .shared_prefill import PromptRow, common_prefix, groups_of, positions_of, prompt_rows

CHUNK = 2048
"""Tokens whose logits are held at once."""


class PerToken(NamedTuple):
    """(rows, width) log-probabilities, and entropies without gradient; 0 behind the end."""

    log_probs: torch.Tensor
    entropies: torch.Tensor


def shared_log_probs(
    model: Any,
    rows: Sequence[PromptRow],
    completions: Sequence[list[int]],
    width: int,
    temperature: float = 1.0,
) -> PerToken:
    """What the model gives to each token of each completion.

    Args:
        model: `Qwen...VLForConditionalGeneration`, or a text model, with its masks computed by sdpa
            or eager attention (flash attention takes no block mask).
        rows: prompts, in any order: TRL shuffles a step's rollouts.
        completions: of each row; without pictures.
        width: columns of the result, at least the longest completion.
        temperature: logits are divided by it, as they were for sampling.
    """
    device = model.device
    order = sorted(range(len(rows)), key=lambda index: _beside(rows[index]))
    packed: list[tuple[list[int], torch.Tensor, list[int]]] = []
    pixels: list[torch.Tensor] = []
    grids: list[torch.Tensor] = []
    asked: list[tuple[int, int, int, int]] = []
    first = 0
    for number, group in enumerate(groups_of([rows[index] for index in order])):
        if group[0].pixels is not None and group[0].grids is not None:
            pixels.append(group[0].pixels)
            grids.append(group[0].grids)
        own = order[first : first + len(group)]
        said = [completions[index] for index in own]
        ids, places, blocks, begins = _sequence(model, group, said)
        packed.append((ids, places, blocks))
        for row, words, (before, begin) in zip(own, said, begins, strict=True):
            for at in range(len(words)):
                asked.append((number, begin + at - 1 if at else before, row, at))
        first += len(group)
    hidden = _hidden(model, packed, pixels, grids)
    log_probs = torch.zeros(len(rows), width, device=device)
    entropies = torch.zeros_like(log_probs)
    if not asked:
        return PerToken(log_probs + 0.0 * hidden.sum(), entropies)
    group_at, place_at, row_at, token_at = torch.tensor(asked, device=device).unbind(1)
    targets = torch.tensor([completions[r][t] for _, _, r, t in asked], device=device)
    states = hidden[group_at, place_at]
    parts = [
        checkpoint(_scored, model.lm_head, states[k : k + CHUNK], targets[k : k + CHUNK],
                   temperature, use_reentrant=False)
        for k in range(0, len(asked), CHUNK)
    ]  # fmt: skip
    log_probs = log_probs.index_put((row_at, token_at), torch.cat([p[0] for p in parts]))
    entropies[row_at, token_at] = torch.cat([p[1] for p in parts])
    return PerToken(log_probs, entropies)


def _beside(row: PromptRow) -> tuple[float, list[int]]:
    """Sorts rows about the same pictures, and of those the ones that begin alike, together."""
    return (0.0 if row.pixels is None else float(row.pixels.double().sum())), row.ids


def read_rows(
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor,
    width: int,
    features: Mapping[str, Any],
    image_pad: int,
) -> tuple[list[PromptRow], list[list[int]]] | None:
    """Prompts and completions of TRL's padded batch; None where pictures stand in completions.

    Args:
        input_ids: (rows, prompt + width), prompts padded on the left.
        attention_mask: of the same shape.
        width: columns of completions.
        features: TRL's `pixel_values`, `image_grid_thw` and `num_images`, where there are pictures.
        image_pad: id of a picture's tokens.
    """
    kept = attention_mask.bool()
    prompt = input_ids.shape[1] - width
    if bool((input_ids[:, prompt:] == image_pad).any()):
        return None
    counts = features.get("num_images")
    if features.get("pixel_values") is not None and counts is None:
        return None
    own = [ids[:prompt][mask[:prompt]].tolist() for ids, mask in zip(input_ids, kept, strict=True)]
    rows = prompt_rows(own, counts or [0] * len(own), features, image_pad)
    if rows is None:
        return None
    said = [ids[prompt:][mask[prompt:]].tolist() for ids, mask in zip(input_ids, kept, strict=True)]
    return rows, said


def _scored(
    head: Any, states: torch.Tensor, targets: torch.Tensor, temperature: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """(tokens,) log-probabilities of the targets and entropies, in float32."""
    logs = torch.log_softmax(head(states).float() / temperature, dim=-1)
    entropy = -(logs.detach().exp() * logs.detach()).sum(-1)
    return logs.gather(1, targets[:, None])[:, 0], entropy


def _sequence(
    model: Any, group: Sequence[PromptRow], completions: Sequence[list[int]]
) -> tuple[list[int], torch.Tensor, list[int], list[tuple[int, int]]]:
    """A group as one sequence.

    Returns:
        Ids, rotary positions (..., length), blocks (0: shared), and of each row the place before
        its completion and the place where that begins.
    """
    prefix = common_prefix([row.ids for row in group])
    places = positions_of(model, group[0])
    ids, blocks, parts = group[0].ids[:prefix], [0] * prefix, [places[..., :prefix]]
    begins: list[tuple[int, int]] = []
    known = {tuple(group[0].ids): places}
    for number, (row, said) in enumerate(zip(group, completions, strict=True), 1):
        own = row.ids[prefix:]
        start = len(ids)
        begin = start + len(own)
        begins.append((begin - 1 if own else prefix - 1, begin))
        key = tuple(row.ids)
        if key not in known:
            known[key] = positions_of(model, row)
        of_row = known[key]
        follow = torch.arange(len(said), device=places.device) + int(of_row.max()) + 1
        parts += [of_row[..., prefix:], follow.expand(*places.shape[:-1], -1)]
        ids = ids + own + said
        blocks += [number] * (len(own) + len(said))
    return ids, torch.cat(parts, dim=-1), blocks, begins


def _hidden(
    model: Any,
    packed: Sequence[tuple[list[int], torch.Tensor, list[int]]],
    pixels: Sequence[torch.Tensor],
    grids: Sequence[torch.Tensor],
) -> torch.Tensor:
    """(groups, length, hidden size) last states."""
    device = model.device
    longest = max(len(ids) for ids, _, _ in packed)
    ids = torch.zeros(len(packed), longest, dtype=torch.long, device=device)
    blocks = torch.full((len(packed), longest), -1, dtype=torch.long, device=device)
    shape = packed[0][1].shape[:-2]
    places = torch.zeros(*shape, len(packed), longest, dtype=torch.long, device=device)
    for number, (own, at, block) in enumerate(packed):
        ids[number, : len(own)] = torch.tensor(own, device=device)
        blocks[number, : len(own)] = torch.tensor(block, device=device)
        places[..., number, : len(own)] = at[..., 0, :]
    given: dict[str, Any] = {}
    if pixels:
        given = {
            "pixel_values": torch.cat(list(pixels)).to(device, model.dtype),
            "image_grid_thw": torch.cat(list(grids)).to(device),
        }
    out = model.model(
        input_ids=ids,
        position_ids=places,
        attention_mask=shared_mask(blocks, model.dtype),
        use_cache=False,
        **given,
    )
    return out.last_hidden_state
