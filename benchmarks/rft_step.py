"""One hybrid RFT step beside one of stock TRL GRPO, on the same questions and pictures.

    python benchmarks/rft_step.py                          # tiny model, on the CPU
    python benchmarks/rft_step.py --size tiny-long         # the same, prompts as long as real ones
    python benchmarks/rft_step.py --size qwen3-vl-8b       # real shapes, random weights, one GPU
    python benchmarks/rft_step.py --size qwen2-vl-7b

`tiny-long` keeps what decides the ratio of the real shapes: eight rollouts of a prompt that is
eight times as long as the answer. On the CPU seconds are processor time, so that other work on the
machine matters little; on a GPU they are seconds of the clock.

Prints for both: seconds of a step split into generating, scoring and training, generated tokens a
second, the GPU's busy share and peak memory (where there is a GPU), and the ratio of the seconds.
Both take the same prompts, modes, rewards and number of tokens (answers are written to the limit,
as random weights never end one). "Stock" is the same trainer with shared prefill and shared loss
off and each picture processed as TRL does it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

SHAPES: dict[str, dict[str, Any]] = {
    "tiny": {"family": "qwen3-vl", "side": 128, "group": 4, "tokens": 32, "cpu": True},
    "tiny-long": {"family": "qwen3-vl", "side": 320, "group": 8, "tokens": 128, "cpu": True},
    "qwen3-vl-8b": {
        "family": "qwen3-vl", "side": 672, "group": 8, "tokens": 256, "cpu": False,
        "text": {"hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 36,
                 "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
                 "rope_parameters": {"rope_type": "default", "rope_theta": 5e6,
                                     "mrope_section": [24, 20, 20], "mrope_interleaved": True}},
        "vision": {"depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "num_heads": 16,
                   "out_hidden_size": 4096, "deepstack_visual_indexes": [8, 16, 24],
                   "num_position_embeddings": 2304},
    },
    "qwen2-vl-7b": {
        "family": "qwen2-vl", "side": 672, "group": 8, "tokens": 256, "cpu": False,
        "text": {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
                 "num_attention_heads": 28, "num_key_value_heads": 4,
                 "rope_parameters": {"rope_type": "default", "rope_theta": 1e6,
                                     "mrope_section": [16, 24, 24]}},
        "vision": {"depth": 32, "embed_dim": 1280, "num_heads": 16, "hidden_size": 3584,
                   "mlp_ratio": 4},
    },
}  # fmt: skip


def model_and_processor(shape: dict[str, Any]) -> tuple[Any, Any]:
    """Random weights of the shape, and the family's processor over a small tokenizer."""
    import torch
    import transformers

    from tests import tiny_models

    processor = tiny_models.processor(shape["family"])
    factor = 32 if shape["family"] == "qwen3-vl" else 28
    pixels = shape["side"] ** 2
    processor.image_processor.size = {"shortest_edge": factor**2 * 4, "longest_edge": pixels}
    config = tiny_models.config(shape["family"], processor.tokenizer)
    for part in ("text", "vision"):
        for key, value in shape.get(part, {}).items():
            setattr(getattr(config, f"{part}_config"), key, value)
    name = "Qwen3VL" if shape["family"] == "qwen3-vl" else "Qwen2VL"
    torch.manual_seed(0)
    kind = getattr(transformers, f"{name}ForConditionalGeneration")
    if shape["cpu"]:
        return kind(config), processor
    with torch.device("cuda"):
        torch.set_default_dtype(torch.bfloat16)
        made = kind(config)
        torch.set_default_dtype(torch.float32)
    return made, processor


def rows(shape: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Questions about four noise pictures each."""
    from gemvg.policy.dialects import get_dialect
    from gemvg.training.chat import prompt_columns, sizes_book

    rng, side = random.Random(0), shape["side"]
    made: list[dict[str, Any]] = []
    for index in range(count):
        noise = [Image.frombytes("RGB", (side, side), rng.randbytes(side * side * 3))
                 for _ in range(4)]  # fmt: skip
        sizes = [[side, side]] * 4
        prompts = prompt_columns("find the dog", sizes_book(sizes), get_dialect("gemvg"))
        made.append({"prompt": prompts["prompt_auto"], **prompts, "images": noise, "sizes": sizes,
                     "truth": [[1.0, 0.0, 0.0, 50.0, 50.0]], "truth_labels": ["dog"],
                     "question": "find the dog", "sample_id": str(index)})  # fmt: skip
    return made


class Busy:
    """Share of samples in which the GPU worked, by NVML; None without it."""

    def __init__(self) -> None:
        self.samples: list[int] = []
        self._stop = threading.Event()

    def __enter__(self) -> Busy:
        with contextlib.suppress(Exception):
            import torch

            if torch.cuda.is_available():
                torch.cuda.utilization()
                threading.Thread(target=self._watch, daemon=True).start()
        return self

    def _watch(self) -> None:
        import torch

        while not self._stop.wait(0.05):
            self.samples.append(int(torch.cuda.utilization()))

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    @property
    def share(self) -> float | None:
        """Mean utilisation in [0, 1]."""
        return sum(self.samples) / len(self.samples) / 100 if self.samples else None


def timed(trainer: Any, spent: dict[str, float], clock: Callable[[], float]) -> None:
    """Add up the seconds of generating, scoring and the rest."""
    for name, label in (("_generate_single_turn", "generate"), ("_calculate_rewards", "reward")):
        inner = getattr(trainer, name)

        def wrapped(*given: Any, inner: Any = inner, label: str = label, **more: Any) -> Any:
            begun = clock()
            try:
                return inner(*given, **more)
            finally:
                spent[label] = spent.get(label, 0.0) + clock() - begun

        setattr(trainer, name, wrapped)


def make_trainer(shape: dict[str, Any], ours: bool, folder: Path) -> Any:
    """A trainer of the shape's model whose steps are taken one by one."""
    from datasets import Dataset
    from trl import GRPOConfig

    from gemvg.policy.dialects import get_dialect
    from gemvg.training.rewards.presets import get_preset
    from gemvg.training.rft.modes import HybridShares
    from gemvg.training.rft.reward_functions import GroupScorer
    from gemvg.training.rft.trainer import HybridGRPOTrainer

    model, processor = model_and_processor(shape)
    vocabulary = processor.tokenizer.get_vocab()
    special = [i for t, i in vocabulary.items() if t.startswith("<|")]
    arguments = GRPOConfig(
        output_dir=str(folder), per_device_train_batch_size=shape["group"],
        num_generations=shape["group"], max_completion_length=shape["tokens"],
        max_steps=1, report_to=[], save_strategy="no", use_cpu=shape["cpu"],
        bf16=not shape["cpu"], gradient_checkpointing=not shape["cpu"], disable_tqdm=True,
        generation_kwargs={"suppress_tokens": special}, remove_unused_columns=False, optim="sgd",
        logging_steps=1,
    )  # fmt: skip
    trainer = HybridGRPOTrainer(
        scorer=GroupScorer(get_preset("gemvg"), get_dialect("gemvg")),
        shares=HybridShares(think=0.5, direct=0.25), shared_prefill=ours, shared_loss=ours,
        model=model,
        args=arguments, train_dataset=Dataset.from_list([{"prompt": "unused"}]),
        processing_class=processor,
    )  # fmt: skip
    trainer.create_optimizer()
    trainer.current_gradient_accumulation_steps = 1
    return trainer


def take_step(trainer: Any, batch: list[dict[str, Any]], cpu: bool) -> None:
    """Generate, judge and learn from one batch."""
    import torch

    trainer.model.train()
    trainer._step = 0
    trainer.training_step(trainer.model, batch, None)
    trainer.optimizer.step()
    trainer.optimizer.zero_grad()
    if not cpu:
        torch.cuda.synchronize()


def measure(shape: dict[str, Any], ours: bool, steps: int, folder: Path) -> dict[str, Any]:
    """Mean over `steps` steps after one to warm up."""
    import torch

    from gemvg.training.rft import trainer as module

    trainer = make_trainer(shape, ours, folder)
    spent: dict[str, float] = {}
    clock = time.process_time if shape["cpu"] else time.perf_counter
    timed(trainer, spent, clock)
    once = contextlib.nullcontext if ours else _no_cache(module)
    seconds, tokens = 0.0, 0
    with once(), Busy() as busy:
        for index, row in enumerate(rows(shape, 1 + steps)):
            if index == 1:
                spent.clear()
                seconds, tokens = 0.0, 0
            batch = [dict(row) for _ in range(shape["group"])]
            begun = clock()
            take_step(trainer, batch, shape["cpu"])
            seconds += clock() - begun
            tokens += sum(rollout.tokens for rollout in trainer.scorer.rollouts)
    peak = None if shape["cpu"] else torch.cuda.max_memory_allocated() / 2**30
    generate, reward = spent["generate"] / steps, spent["reward"] / steps
    return {
        "seconds": seconds / steps, "generate": generate, "reward": reward,
        "train": seconds / steps - generate - reward,
        "tokens_per_second": tokens / spent["generate"], "busy": busy.share, "peak_gib": peak,
    }  # fmt: skip


def _no_cache(module: Any) -> Any:
    """A context in which pictures are processed as often as TRL asks."""

    @contextlib.contextmanager
    def without() -> Any:
        kept = module.pictures_once
        module.pictures_once = lambda _processor: contextlib.nullcontext()
        try:
            yield
        finally:
            module.pictures_once = kept

    return without


def main() -> None:
    """Print one JSON line for ours, one for stock, and the ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--size", choices=sorted(SHAPES), default="tiny")
    parser.add_argument("--steps", type=int, default=2)
    given = parser.parse_args()
    shape = SHAPES[given.size]
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, ours in (("ours", True), ("stock", False)):
            found[name] = measure(shape, ours, given.steps, Path(folder))
            print(json.dumps({"trainer": name, "size": given.size, **{
                k: round(v, 4) if isinstance(v, float) else v for k, v in found[name].items()
            }}), flush=True)  # fmt: skip
    print(f"ours takes {found['ours']['seconds'] / found['stock']['seconds']:.2f} of stock's time")


if __name__ == "__main__":
    main()
