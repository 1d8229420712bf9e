"""A small data folder of noise pictures, and recipes that train tiny models on it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from PIL import Image

from gemvg.training.data.sample import ImageRef, Sample, TruthBox, sample_line
from gemvg.training.recipe import Recipe, read_recipe
from tests.tiny_models import tiny_model


def data_folder(folder: Path, count: int = 8, pictures: int = 2) -> Path:
    """`count` samples of small noise pictures; every second sample has a trace."""
    rng = random.Random(0)
    (folder / "pictures").mkdir(parents=True)
    lines: list[str] = []
    for index in range(count):
        refs: list[ImageRef] = []
        for k in range(pictures):
            name, width = f"pictures/{index}-{k}.png", 64 + 16 * k
            noise = rng.randbytes(width * 64 * 3)
            Image.frombytes("RGB", (width, 64), noise).save(folder / name)
            refs.append(ImageRef(file=name, width=width, height=64))
        # Where the tiny models' two-digit boxes lie, so that some of their answers earn something.
        box = TruthBox(image=1, box=(1, 1, 5, 5), label="dog")
        sample = Sample(
            id=f"s{index}", task="retrieval", demand="referential", question="find the dog",
            images=refs, answer=[box], targets="single", meaning={"op": "all"}, source="made",
            licence="CC0", trace=f"the dog is in image {box.image}" if index % 2 else None,
        )  # fmt: skip
        lines.append(sample_line(sample))
    (folder / "samples.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


def rft_recipe(data: Path, output: Path, **values: Any) -> Recipe:
    """The packaged recipe `tiny` on a tiny Qwen3-VL; `values` as `rft__group=4`."""
    given: dict[str, Any] = {
        "model__base": str(tiny_model("qwen3-vl")), "data__train": [str(data)],
        "run__output": str(output), "run__tensorboard": False, "rft__max_completion_tokens": 40,
        "guard__max_cut_share": 1.0, "model__max_pixels": 4096,
    }  # fmt: skip
    texts = [f"{k.replace('__', '.')}={json.dumps(v)}" for k, v in {**given, **values}.items()]
    return read_recipe("tiny", texts)


def sft_recipe(data: Path, output: Path, **values: Any) -> Recipe:
    """The same for supervised finetuning, stage S2."""
    made = rft_recipe(data, output).model_dump()
    made["rft"] = None
    made["sft"] = {"stage": "s2"}
    made["optim"] |= {"learning_rate": 1e-3}
    for key, value in values.items():
        part, _, name = key.partition("__")
        made[part][name] = value
    return Recipe.model_validate(made)


def logged(output: Path, name: str) -> list[float]:
    """A value's course through `log.jsonl`."""
    text = (output / "log.jsonl").read_text(encoding="utf-8")
    return [float(row[name]) for row in map(json.loads, text.splitlines()) if name in row]
