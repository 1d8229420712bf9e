"""Rows to model inputs: prompt masked, image tokens checked, samples packed into one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ...tools.errors import TrainingError
from ..shared_mask import shared_mask

IGNORED = -100
"""Label of tokens that are not trained on (PyTorch's cross entropy skips it)."""


class SftCollator:
    """Makes a batch from rows of `rows.sft_rows` with their `images`.

    Args:
        processor: of the model, with its chat template.
        model: gives rotary positions of packed rows; needed for packing only.
        packing: lay the samples of a batch behind each other in one row with a block mask, so that
            none sees another and no token is padding.
        max_tokens: of a packed row, and of a sample.
    """

    def __init__(
        self, processor: Any, model: Any = None, packing: bool = False, max_tokens: int = 8192
    ) -> None:
        self.processor = processor
        self.tokenizer = processor.tokenizer if hasattr(processor, "tokenizer") else processor
        self.model = model
        self.packing = packing
        self.max_tokens = max_tokens
        template = self.tokenizer
        self.image_token: int | None = getattr(processor, "image_token_id", None)
        self.end = str(template.eos_token)

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """A batch: `input_ids`, `attention_mask`, `labels`, and the pictures' features."""
        return self.pack(rows) if self.packing else self.pad(rows)

    def pad(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Rows beside each other, padded on the tokenizer's side."""
        texts = [self._text(row) for row in rows]
        pictures = [list(row.get("images") or []) for row in rows]
        batch: dict[str, Any] = dict(self._encode(texts, pictures))
        labels = torch.full_like(batch["input_ids"], IGNORED)
        for index, row in enumerate(rows):
            taught = self._taught(row)
            ends = int(batch["attention_mask"][index].nonzero().max()) + 1
            labels[index, ends - taught : ends] = batch["input_ids"][index, ends - taught : ends]
        batch["labels"] = labels
        self._check(batch, rows)
        return batch

    def pack(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Rows behind each other in one row of the batch; attention stays within each."""
        singles = [self.pad([row]) for row in rows]
        lengths = [int(s["input_ids"].shape[1]) for s in singles]
        if sum(lengths) > self.max_tokens:
            raise TrainingError(
                f"packing {len(rows)} samples makes {sum(lengths)} tokens, more than max_tokens "
                f"({self.max_tokens}).",
                "Lower optim.batch or raise sft.max_tokens.",
            )
        joined: dict[str, Any] = {
            key: torch.cat([s[key] for s in singles], dim=1)
            for key in ("input_ids", "labels", "mm_token_type_ids")
            if key in singles[0]
        }
        for key in ("pixel_values", "image_grid_thw"):
            if key in singles[0]:
                joined[key] = torch.cat([s[key] for s in singles], dim=0)
        joined["position_ids"] = torch.cat([self._positions(s) for s in singles], dim=-1)
        joined["attention_mask"] = block_mask(lengths)
        # The first label of each sample is a prompt token (ignored), so none is learned from the
        # sample before it.
        return joined

    def _positions(self, single: Mapping[str, Any]) -> torch.Tensor:
        """Rotary positions of one sample, (3, 1, n) for Qwen-VL models, (1, n) otherwise."""
        inner = getattr(self.model, "model", None)
        if inner is None or not hasattr(inner, "get_rope_index"):
            return torch.arange(single["input_ids"].shape[1])[None]
        given = {
            key: single[key]
            for key in ("input_ids", "image_grid_thw", "attention_mask", "mm_token_type_ids")
            if key in single
        }
        positions: torch.Tensor = inner.get_rope_index(**given)[0]
        return positions

    def _encode(self, texts: list[str], pictures: list[list[Any]]) -> Any:
        if any(pictures):
            images = [list(p) for p in pictures]
            return self.processor(text=texts, images=images, padding=True, return_tensors="pt")
        return self.tokenizer(texts, padding=True, return_tensors="pt")

    def _text(self, row: Mapping[str, Any]) -> str:
        prompt: str = self.processor.apply_chat_template(
            row["messages"], tokenize=False, add_generation_prompt=True
        )
        return prompt + row["completion"] + self.end

    def _taught(self, row: Mapping[str, Any]) -> int:
        """How many tokens the completion and the end token are."""
        return len(self.tokenizer(row["completion"] + self.end, add_special_tokens=False).input_ids)

    def _check(self, batch: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
        """Every image token has its feature: a mismatch trains on shifted pictures in silence."""
        longest = int(batch["attention_mask"].sum(dim=1).max())
        if longest > self.max_tokens:
            raise TrainingError(
                f"a sample has {longest} tokens, more than max_tokens ({self.max_tokens}).",
                "Lower model.max_pixels or raise sft.max_tokens.",
            )
        if self.image_token is None or "image_grid_thw" not in batch:
            return
        merge = int(getattr(self.processor.image_processor, "merge_size", 2)) ** 2
        features = int((batch["image_grid_thw"].prod(dim=1) // merge).sum())
        tokens = int((batch["input_ids"] == self.image_token).sum())
        if features != tokens:
            names = ", ".join(str(row.get("sample_id")) for row in rows[:3])
            raise TrainingError(f"{tokens} image tokens for {features} features (samples {names}).")


def block_mask(lengths: Sequence[int]) -> torch.Tensor:
    """(1, 1, T, T) additive mask: causal within each block of the given lengths, closed between."""
    numbers = torch.arange(1, len(lengths) + 1)
    blocks = torch.repeat_interleave(numbers, torch.tensor(lengths))
    mask: torch.Tensor = shared_mask(blocks[None])
    return mask
