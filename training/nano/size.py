"""The sizes that a nano model comes in, and its stock Qwen3-VL config."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...tools.errors import UsageError

HEAD = 64
"""Width of an attention head, both towers."""


@dataclass(frozen=True, slots=True)
class NanoSize:
    """One size.

    Attributes:
        name: about how many parameters.
        side: of the square picture that it is made for, pixels; other shapes have as many cells.
        patch, merge: pixels of a patch's side; patches along a side that become one token.
        vision_width, vision_depth: of the vision tower. width, depth: of the language model.
        deepstack: vision layers whose features also enter the language model's first layers.
    """

    name: str
    side: int
    patch: int
    merge: int
    vision_width: int
    vision_depth: int
    width: int
    depth: int
    deepstack: tuple[int, ...] = (1,)

    @property
    def cells(self) -> int:
        """Visual tokens along one side."""
        return self.side // (self.patch * self.merge)


_ALL = (
    NanoSize("tiny", 64, 16, 1, 64, 2, 64, 2),
    NanoSize("4m", 112, 16, 1, 192, 4, 192, 4),
    NanoSize("9m", 112, 8, 2, 192, 6, 256, 6, (2,)),
    NanoSize("13m", 224, 16, 2, 256, 5, 320, 4),
    NanoSize("25m", 224, 16, 2, 320, 6, 384, 6, (2,)),
)
SIZES: dict[str, NanoSize] = {size.name: size for size in _ALL}


def get_size(name: str) -> NanoSize:
    """The size of a name.

    Raises:
        UsageError: there is none; the cure lists those that there are.
    """
    size = SIZES.get(name.lower())
    if size is None:
        raise UsageError(f"there is no nano of size {name[:40]!r}.", f"Choose {', '.join(SIZES)}.")
    return size


def make_config(size: NanoSize, tokenizer: Any) -> Any:
    """The Qwen3-VL config of a size for a tokenizer's vocabulary.

    The vocabulary is filled up to a multiple of 64 rows; those beyond the tokenizer's are never
    written, because training pushes them down like every other wrong token.
    """
    from transformers import Qwen3VLConfig

    ids = tokenizer.convert_tokens_to_ids
    half = HEAD // 2
    text: dict[str, Any] = {
        "vocab_size": -(-len(tokenizer) // 64) * 64,
        "hidden_size": size.width,
        # Three matrices of 8/3 widths weigh as much as two of four widths.
        "intermediate_size": -(-size.width * 8 // 3 // 64) * 64,
        "num_hidden_layers": size.depth,
        "num_attention_heads": size.width // HEAD,
        "num_key_value_heads": size.width // HEAD,
        "head_dim": HEAD,
        "max_position_embeddings": 4096,
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": None,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10_000.0,
            "mrope_section": [half - 20, 10, 10],
            "mrope_interleaved": True,
        },
    }
    vision: dict[str, Any] = {
        "depth": size.vision_depth,
        "hidden_size": size.vision_width,
        "intermediate_size": 4 * size.vision_width,
        "num_heads": size.vision_width // HEAD,
        "patch_size": size.patch,
        "spatial_merge_size": size.merge,
        "out_hidden_size": size.width,
        "num_position_embeddings": (size.side // size.patch) ** 2,
        "deepstack_visual_indexes": list(size.deepstack),
    }
    return Qwen3VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
        tie_word_embeddings=True,
    )
