"""The language model over packed pages: its loss, and what it would write."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from ...policy.dialects.nano_tokens import COORDINATES, coordinate
from ..shared_mask import shared_mask
from .guides import HEADS
from .packing import Batch

WATCHED = tuple(sorted({layer for layer, _ in HEADS.values()}))
"""Layers of which a head is taught where to look, in legs that are guided."""

SPREAD = 1.5
"""Standard deviation of a coordinate's soft label, in steps: a near miss is nearly right."""


class CoordinateLabels:
    """Soft labels for coordinate tokens, hard ones for all others.

    Args:
        tokenizer: nano's, whose coordinate tokens follow each other.
        spread: standard deviation in steps; 0 makes all labels hard.
    """

    def __init__(self, tokenizer: Any, spread: float = SPREAD) -> None:
        import torch

        self.first = int(tokenizer.convert_tokens_to_ids(coordinate(COORDINATES[0])))
        self.count = len(COORDINATES)
        steps = torch.arange(self.count, dtype=torch.float32)
        apart = steps[:, None] - steps[None]
        table = torch.exp(-0.5 * (apart / max(spread, 1e-3)) ** 2)
        self.table = table / table.sum(1, keepdim=True)

    def loss_of_steps(self, logits: Any, steps: Any) -> Any:
        """Mean soft cross entropy of logits (..., count) over coordinates alone.

        Args:
            logits: of the coordinate tokens only.
            steps: (...) true coordinates, 0 to count - 1.
        """
        from torch.nn import functional

        return self._soft(functional.log_softmax(logits.float(), dim=-1), steps).mean()

    def loss(self, logits: Any, targets: Any) -> Any:
        """Mean cross entropy of logits (T, vocabulary) against targets (T,) with soft labels."""
        from torch.nn import functional

        logs = functional.log_softmax(logits.float(), dim=-1)
        hard = -logs.gather(1, targets[:, None])[:, 0]
        steps = targets - self.first
        is_place = (steps >= 0) & (steps < self.count)
        soft = self._soft(logs[:, self.first : self.first + self.count], steps)
        return soft.where(is_place, hard).mean()

    def _soft(self, logs: Any, steps: Any) -> Any:
        """Soft cross entropy (...) of log-probabilities (..., count), steps clipped to theirs."""
        rows = self.table.to(logs.device)[steps.clamp(0, self.count - 1)]
        return -(rows * logs).sum(-1)


def hidden_states(model: Any, batch: Batch, tokens: Any, deep: list[Any]) -> Any:
    """Last hidden states (B, L, width) of the language model over a packed batch.

    Args:
        model: a `Qwen3VLForConditionalGeneration`.
        batch: the packed pages.
        tokens: visual tokens from `tower.see`.
        deep: features from `tower.see`, for the language model's first layers.
    """
    import torch

    rows = batch.ids.shape[0]
    words = model.get_input_embeddings()(batch.ids)
    shown = tokens.reshape(rows, -1, tokens.shape[-1]).to(words.dtype)
    inputs = words.index_copy(1, batch.visual, shown)
    places = torch.zeros(batch.ids.shape, dtype=torch.bool, device=batch.ids.device)
    places[:, batch.visual] = True
    out = model.model.language_model(
        inputs_embeds=inputs,
        position_ids=batch.positions,
        attention_mask=shared_mask(batch.blocks),
        visual_pos_masks=places,
        deepstack_visual_embeds=[d.reshape(-1, d.shape[-1]) for d in deep],
        use_cache=False,
    )
    return out.last_hidden_state


class AnswerLoss(NamedTuple):
    """Mean loss over all taught tokens, and that of the watched heads (0 where none is watched)."""

    words: Any
    looking: Any


def answer_loss(
    model: Any, batch: Batch, tokens: Any, deep: list[Any], labels: Any, *, guided: bool = False
) -> AnswerLoss:
    """Loss of a packed batch; logits are computed at the taught places only.

    Args:
        model: a `Qwen3VLForConditionalGeneration`.
        batch: the packed pages.
        tokens: visual tokens from `tower.see`.
        deep: features from `tower.see`.
        labels: soft labels of coordinates.
        guided: teach the heads of `guides` where to look: minus the logarithm of their attention
            there.
    """
    row, place = batch.asked.unbind(1)
    with _watched(model, WATCHED if guided else ()) as seen:
        hidden = hidden_states(model, batch, tokens, deep)
    words = labels.loss(model.lm_head(hidden[row, place]), batch.targets)
    looking: Any = 0.0
    for kind, (layer, head) in HEADS.items() if guided else ():
        places, keys = batch.looks[kind]
        if len(places):
            there = seen[layer][places[:, 0], head, places[:, 1]].float() * keys
            looking = looking - (there.sum(1) + 1e-6).log().mean() / len(HEADS)
    return AnswerLoss(words, looking)


@contextmanager
def _watched(model: Any, layers: Sequence[int]) -> Generator[dict[int, Any]]:
    """Attention weights (B, heads, L, L) by layer, filled in while the model runs."""
    seen: dict[int, Any] = {}

    def keep(layer: int) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            seen[layer] = output[1]

        return hook

    hooks = [
        model.model.language_model.layers[k].self_attn.register_forward_hook(keep(k))
        for k in layers
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def write_answers(model: Any, batch: Batch, end: int, most: int = 24) -> list[list[int]]:
    """Greedy answers to pages of one question each, ids without the end.

    The whole sequence is read anew for every token: simple, and the pictures are seen once. It is
    what training sees, so it must agree with an exported folder's own generation.

    Args:
        model: in evaluation mode.
        batch: packed without answers.
        end: id of the token that ends an answer.
        most: tokens of an answer at most.
    """
    import torch

    from .tower import see

    with torch.no_grad():
        tokens, deep = see(model.model.visual, batch.pixels)
        used = (batch.blocks >= 0).sum(1)
        rows = torch.arange(len(used), device=used.device)
        written: list[list[int]] = [[] for _ in range(len(used))]
        open_rows = set(range(len(used)))
        for _ in range(most):
            _make_room(batch, int(used.max()) + 1)
            hidden = hidden_states(model, batch, tokens, deep)
            chosen = model.lm_head(hidden[rows, used - 1]).argmax(-1)
            batch.ids[rows, used] = chosen
            batch.positions[:, rows, used] = batch.positions[:, rows, used - 1] + 1
            batch.blocks[rows, used] = 1
            used = used + 1
            for row, token in enumerate(chosen.tolist()):
                if row in open_rows and token == end:
                    open_rows.discard(row)
                elif row in open_rows:
                    written[row].append(token)
            if not open_rows:
                break
    return written


def _make_room(batch: Batch, length: int) -> None:
    """Pad a batch to at least a length, in place; some more, so that it is seldom done."""
    from torch.nn import functional

    more = math.ceil((length - batch.ids.shape[1]) / 8) * 8
    if more > 0:
        batch.ids = functional.pad(batch.ids, (0, more))
        batch.positions = functional.pad(batch.positions, (0, more))
        batch.blocks = functional.pad(batch.blocks, (0, more), value=-1)
