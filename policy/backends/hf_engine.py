"""Generation in process: prompts are read one by one, answers are written together.

Reading a prompt is bound by arithmetic and gains little from a batch; writing is bound by memory
and gains nearly all. So each prompt is read alone, from where the longest prompt read before parts
from it, and its row then joins the batch of answers being written; rows come and go at every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from .hf_cache import PrefixStore, from_cache, select, stack, stackable, to_cache
from .hf_prompt import Prompt
from .hf_rows import Row


@dataclass(slots=True)
class Batch:
    """The answers being written.

    Attributes:
        rows: one an answer.
        cache: their attention cache, rows padded on the left to one length.
        pads: the padding of each row. last: the token that each row wrote last.
    """

    rows: list[Row] = field(default_factory=list[Row])
    cache: Any = None
    pads: list[int] = field(default_factory=list[int])
    last: list[int] = field(default_factory=list[int])


class Engine:
    """A model and the answers that it is writing. Used by one thread.

    Args:
        model: from AutoModelForImageTextToText, in eval mode.
        suppressed: ids of the tokens that are never generated.
        prefix_tokens: positions of prompts read before that are kept.
    """

    def __init__(self, model: Any, suppressed: Sequence[int], prefix_tokens: int) -> None:
        self._model = model
        self._suppressed = list(suppressed)
        self.stackable = stackable(model.config)
        self.prefixes = PrefixStore(prefix_tokens if self.stackable else 0)
        self.batch = Batch()

    @property
    def busy(self) -> bool:
        """Whether any answer is being written."""
        return bool(self.batch.rows)

    def start(self, row: Row) -> None:
        """Read a row's prompt, choose its first token, and let it join the batch."""
        import torch

        with torch.inference_mode():
            prompt = cast("Prompt", row.prompt)
            cache, logits = self._read(prompt)
            row.position = int(prompt.positions.max())
            token = self._choose(row, logits[0])
            row.take(token)
            if row.finish is not None:
                return
            batch = self.batch
            pad = 0
            if batch.rows:
                layers, (pad_old, pad) = stack([from_cache(batch.cache), from_cache(cache)])
                batch.cache = to_cache(layers)
                batch.pads = [old + pad_old for old in batch.pads]
            else:
                batch.cache = cache
            batch.rows.append(row)
            batch.pads.append(pad)
            batch.last.append(token)

    def _read(self, prompt: Prompt) -> tuple[Any, Any]:
        """The cache of a prompt and the logits of its last position, shape (1, vocabulary)."""
        import torch

        known, layers = self.prefixes.find(prompt.key)
        # A picture is read whole or not at all.
        device = self._model.device
        cache = to_cache(layers) if self.stackable else self._fresh_cache()
        fresh = [k for k, start in enumerate(prompt.starts) if start >= known]
        pictures: dict[str, Any] = {}
        if fresh:
            pixels = torch.cat([prompt.pixels[k] for k in fresh])
            pictures["pixel_values"] = pixels.to(device, self._model.dtype)
            pictures["image_grid_thw"] = prompt.grids[fresh].to(device)
        out = self._model(
            input_ids=torch.tensor([prompt.ids[known:]], device=device),
            attention_mask=torch.ones(1, len(prompt.ids), dtype=torch.long, device=device),
            position_ids=prompt.positions[:, :, known:].to(device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
            **pictures,
        )
        if self.stackable:
            self.prefixes.add(prompt.key, from_cache(out.past_key_values))
        return out.past_key_values, out.logits[:, -1].float()

    def _fresh_cache(self) -> Any:
        from transformers import DynamicCache

        return DynamicCache(config=self._model.config)

    def _choose(self, row: Row, logits: Any) -> int:
        logits[self._suppressed] = float("-inf")
        return row.choose(logits)

    def step(self) -> list[Row]:
        """Write one token of every answer; the rows that ended with it."""
        import torch

        batch = self.batch
        self._drop([row for row in batch.rows if row.future.cancelled()])
        if not batch.rows:
            return []
        with torch.inference_mode():
            logits = self._forward()
            for at, row in enumerate(batch.rows):
                token = self._choose(row, logits[at])
                row.take(token)
                batch.last[at] = token
            ended = [row for row in batch.rows if row.finish is not None]
            self._keep_conversations(ended)
            self._drop(ended)
        return ended

    def _forward(self) -> Any:
        """One step of the whole batch; logits of shape (rows, vocabulary), float32."""
        import torch

        batch, device = self.batch, self._model.device
        length = int(batch.cache.get_seq_length()) + 1
        mask = torch.ones(len(batch.rows), length, dtype=torch.long, device=device)
        for at, pad in enumerate(batch.pads):
            mask[at, :pad] = 0
        positions = torch.tensor([row.position for row in batch.rows], device=device)
        out = self._model(
            input_ids=torch.tensor(batch.last, device=device).view(-1, 1),
            attention_mask=mask,
            position_ids=positions.view(1, -1, 1).expand(3, -1, 1),
            past_key_values=batch.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        batch.cache = out.past_key_values
        return out.logits[:, -1].float()

    def _keep_conversations(self, ended: Sequence[Row]) -> None:
        """Keep what was read and written: a next turn of the conversation begins with it."""
        if not self.stackable:
            return
        for row in ended:
            at = self.batch.rows.index(row)
            layers = select(from_cache(self.batch.cache), [at], self.batch.pads[at])
            key = cast("Prompt", row.prompt).key
            written = layers[0][0].shape[2] - len(key)
            self.prefixes.add((*key, *row.ids[:written]), layers)

    def _drop(self, gone: Sequence[Row]) -> None:
        if not gone:
            return
        batch = self.batch
        kept = [at for at, row in enumerate(batch.rows) if row not in gone]
        start = min((batch.pads[at] for at in kept), default=0)
        batch.cache = to_cache(select(from_cache(batch.cache), kept, start)) if kept else None
        batch.pads = [batch.pads[at] - start for at in kept]
        batch.rows = [batch.rows[at] for at in kept]
        batch.last = [batch.last[at] for at in kept]

    def abandon(self) -> list[Row]:
        """Forget everything after a failure inside; the rows that were being written."""
        rows, self.batch = self.batch.rows, Batch()
        self.prefixes.clear()
        return rows
