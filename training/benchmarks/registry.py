"""All benchmarks by name; nothing is imported before one is chosen."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ...tools.errors import UsageError

if TYPE_CHECKING:
    from .benchmark import Benchmark

_HOMES: dict[str, tuple[str, str]] = {
    "mig-bench": (".mig_bench", "MigBench"),
    "mig-bench-original": (".mig_bench", "MigBenchOriginal"),
    "mc-bench": (".mc_bench", "McBench"),
    "odinw-13": (".odinw", "Odinw13"),
    "odinw-13-per-class": (".odinw", "Odinw13PerClass"),
    "refcoco": (".refcoco", "RefCoco"),
    "blink": (".multiple_choice", "Blink"),
    "muirbench": (".multiple_choice", "MuirBench"),
    "mmiu": (".multiple_choice", "Mmiu"),
    "photos": (".photos", "Photos"),
}

NAMES = tuple(_HOMES)
"""Names of all benchmarks."""


def make_benchmark(name: str) -> Benchmark:
    """The benchmark of a name.

    Raises:
        UsageError: there is none.
    """
    if name not in _HOMES:
        raise UsageError(f"no benchmark {name!r}.", f"There are {', '.join(NAMES)}.")
    module, word = _HOMES[name]
    made: Benchmark = getattr(import_module(module, __package__), word)()
    return made


def data_folder(name: str, given: Path | None) -> Path:
    """Where a benchmark's data is looked for: `given`, or its name under GEMVG_BENCHMARKS."""
    if given is not None:
        return given
    return Path(os.environ.get("GEMVG_BENCHMARKS") or Path("data") / "benchmarks") / name
