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

PART = 4096
"""Tokens that are read at once: enough to keep a GPU busy, few enough that long groups do not pad
all others."""


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
    groups: list[Packed] = []
    first = 0
    for group in groups_of([rows[index] for index in order]):
        own = order[first : first + len(group)]
        groups.append(_packed(model, group, own, [completions[index] for index in own]))
        first += len(group)
    states: list[torch.Tensor] = []
    asked: list[tuple[int, int]] = []
    for part in _parts([len(group.ids) for group in groups]):
        some = [groups[number] for number in part]
        hidden = _hidden(model, some)
        at = [(k, before) for k, group in enumerate(some) for before, _, _ in group.asked]
        asked += [(row, token) for group in some for _, row, token in group.asked]
        if at:
            group_at, place_at = torch.tensor(at, device=device).unbind(1)
            states.append(hidden[group_at, place_at])
        else:
            states.append(hidden[:0, 0])
    log_probs = torch.zeros(len(rows), width, device=device)
    entropies = torch.zeros_like(log_probs)
    every = torch.cat(states)
    if not asked:
        return PerToken(log_probs + 0.0 * every.sum(), entropies)
    row_at, token_at = torch.tensor(asked, device=device).unbind(1)
    targets = torch.tensor([completions[row][token] for row, token in asked], device=device)
    parts = [
        checkpoint(_scored, model.lm_head, every[k : k + CHUNK], targets[k : k + CHUNK],
                   temperature, use_reentrant=False)
        for k in range(0, len(asked), CHUNK)
    ]  # fmt: skip
    log_probs = log_probs.index_put((row_at, token_at), torch.cat([p[0] for p in parts]))
    entropies[row_at, token_at] = torch.cat([p[1] for p in parts])
    return PerToken(log_probs, entropies)


def _parts(lengths: Sequence[int]) -> list[list[int]]:
    """Groups that are read together: of about the same length, `PART` tokens with padding."""
    parts: list[list[int]] = []
    for number in sorted(range(len(lengths)), key=lambda index: lengths[index]):
        # The longest one stands last, and all are padded to it.
        if not parts or (len(parts[-1]) + 1) * lengths[number] > PART:
            parts.append([])
        parts[-1].append(number)
    return parts


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


class Packed(NamedTuple):
    """A group as one sequence.

    Attributes:
        ids: tokens. places: rotary positions (..., length). blocks: (length,), 0: shared.
        asked: of every completion's every token: place of the state that foretells it, its row, and
            its place in the completion.
        row: a prompt of the group, with the group's pictures.
    """

    ids: list[int]
    places: torch.Tensor
    blocks: list[int]
    asked: list[tuple[int, int, int]]
    row: PromptRow


def _packed(
    model: Any, group: Sequence[PromptRow], numbers: Sequence[int], completions: Sequence[list[int]]
) -> Packed:
    """A group's prompts and completions; `numbers` are their rows'."""
    prefix = common_prefix([row.ids for row in group])
    places = positions_of(model, group[0])
    ids, blocks, parts = group[0].ids[:prefix], [0] * prefix, [places[..., :prefix]]
    asked: list[tuple[int, int, int]] = []
    known = {tuple(group[0].ids): places}
    for block, (row, number, said) in enumerate(zip(group, numbers, completions, strict=True), 1):
        own = row.ids[prefix:]
        begin = len(ids) + len(own)
        before = begin - 1 if own else prefix - 1
        asked += [(begin + at - 1 if at else before, number, at) for at in range(len(said))]
        key = tuple(row.ids)
        if key not in known:
            known[key] = positions_of(model, row)
        of_row = known[key]
        follow = torch.arange(len(said), device=places.device) + int(of_row.max()) + 1
        parts += [of_row[..., prefix:], follow.expand(*places.shape[:-1], -1)]
        ids = ids + own + said
        blocks += [block] * (len(own) + len(said))
    return Packed(ids, torch.cat(parts, dim=-1), blocks, asked, group[0])


def _hidden(model: Any, groups: Sequence[Packed]) -> torch.Tensor:
    """(groups, length, hidden size) last states."""
    device = model.device
    longest = max(len(group.ids) for group in groups)
    ids = torch.zeros(len(groups), longest, dtype=torch.long, device=device)
    blocks = torch.full((len(groups), longest), -1, dtype=torch.long, device=device)
    shape = groups[0].places.shape[:-2]
    places = torch.zeros(*shape, len(groups), longest, dtype=torch.long, device=device)
    for number, group in enumerate(groups):
        length = len(group.ids)
        ids[number, :length] = torch.tensor(group.ids, device=device)
        blocks[number, :length] = torch.tensor(group.blocks, device=device)
        places[..., number, :length] = group.places[..., 0, :]
    given: dict[str, Any] = {}
    seen = [group.row for group in groups if group.row.pixels is not None]
    pixels = [row.pixels for row in seen if row.pixels is not None]
    grids = [row.grids for row in seen if row.grids is not None]
    if pixels and grids:
        given = {
            "pixel_values": torch.cat(pixels).to(device, model.dtype),
            "image_grid_thw": torch.cat(grids).to(device),
        }
    out = model.model(
        input_ids=ids,
        position_ids=places,
        attention_mask=shared_mask(blocks, model.dtype),
        use_cache=False,
        **given,
    )
    return out.last_hidden_state
