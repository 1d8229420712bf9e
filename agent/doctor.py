"""What is installed, what will be used, what is missing, and the command that gets it."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any, Literal

from ..tools.errors import GemvgError, UsageError
from ..tools.toolbox import TOOL_NAMES
from .settings import AskSettings, settings_files

State = Literal["ok", "missing", "note"]
PACKAGE = "gemvg-agent"
EXTRAS = {
    "local": "the detector, and models in this process",
    "vllm": "models through vLLM in this process",
    "train": "training",
    "eval": "benchmarks",
    "ray": "batch jobs on a Ray cluster",
    "table": "CSV and Parquet tables, remote folders",
    "mcp": "the MCP server",
    "server": "the HTTP server and its page",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at.

    Attributes:
        what: its name.
        state: ok; missing: wanted by the present settings and not there; note: not there, and
            only needed for something else.
        detail: one line. cure: the command that gets it, or None.
    """

    what: str
    state: State
    detail: str
    cure: str | None = None

    def as_record(self) -> dict[str, Any]:
        """As JSON-compatible data."""
        return asdict(self)


def examine() -> list[Finding]:
    """Everything, in the order in which a person wants to read it."""
    return [*_base(), *_settings(), *_extras()]


def healthy(findings: list[Finding]) -> bool:
    """Whether a question could be answered with the present settings."""
    return all(finding.state != "missing" for finding in findings)


def _base() -> Iterator[Finding]:
    python = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    yield Finding("python", "ok", python)
    try:
        yield Finding(PACKAGE, "ok", metadata.version(PACKAGE))
    except metadata.PackageNotFoundError:
        yield Finding(PACKAGE, "note", "runs from a folder, not installed", "pip install -e .")
    yield Finding("processor", "ok", _device())


def _device() -> str:
    """The device that models will run on; torch is only loaded where it is installed."""
    cores = f"{os.cpu_count()} cores"
    if not _installed("torch"):
        return f"{cores}; torch is not installed"
    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name(0)} ({torch.cuda.device_count()} x CUDA), {cores}"
    return f"{cores}, no GPU"


def _settings() -> Iterator[Finding]:
    found = [str(file) for file in settings_files() if file.is_file()]
    yield Finding("settings", "ok", ", ".join(found) or "defaults, no gemvg.toml")
    try:
        settings = AskSettings.load()
    except UsageError as error:
        yield Finding("settings", "missing", error.message, error.cure or "Mend that line.")
        return
    yield _policy(settings)
    yield from _tools(settings)


def _policy(settings: AskSettings) -> Finding:
    from ..policy.registry import load_policy

    try:
        policy = load_policy(settings.policy, dialect=settings.dialect)
    except GemvgError as error:
        return Finding("policy", "missing", error.message, error.cure)
    detail = f"{policy.name} ({policy.backend}, dialect {policy.dialect.name})"
    return Finding("policy", "ok", detail)


def _tools(settings: AskSettings) -> Iterator[Finding]:
    names = ", ".join(settings.tools) or "none"
    left_out = [name for name in TOOL_NAMES if name not in settings.tools]
    without = f" (without {', '.join(left_out)})" if left_out and settings.tools else ""
    yield Finding("tools", "ok", names + without)
    if "detect" in settings.tools:
        yield from _detector(settings)
    if {"match", "compare"} & set(settings.tools) and not _installed("opencv-python", "cv2"):
        yield Finding("match, compare", "missing", "OpenCV is not installed", _install("local"))


def _detector(settings: AskSettings) -> Iterator[Finding]:
    from ..tools.detectors.registry import default_open_spec, default_spec, is_there
    from ..tools.weights import cache_folder, is_intact, known_weights

    try:
        yield Finding("cache", "ok", str(cache_folder()))
    except GemvgError as error:
        yield Finding("cache", "missing", error.message, error.cure)
        return
    wanted = {
        "detector": settings.detector or default_spec(),
        "open detector": settings.open_detector or default_open_spec(),
    }
    known = known_weights()
    for what, spec in wanted.items():
        weights = known.get(spec.removesuffix(".pt"))
        if not _installed("ultralytics") and weights is not None:
            yield Finding(what, "missing", f"{spec} needs ultralytics", _install("local"))
        elif weights is None and is_there(spec):
            yield Finding(what, "ok", f"{spec} (your own)")
        elif weights is None:
            known_names = f"Name a file or folder that is there, or {', '.join(known)}."
            yield Finding(what, "missing", f"{spec} is not there", known_names)
        elif is_intact(weights):
            yield Finding(what, "ok", f"{spec}, in the cache, {weights.license}")
        else:
            size = f"{weights.bytes / 1e6:.0f} MB, {weights.license}"
            detail = f"{spec} is not in the cache yet; fetched at its first use ({size})"
            yield Finding(what, "note", detail, f"gemvg-agent weights pull {weights.name}")


def _extras() -> Iterator[Finding]:
    for extra, purpose in EXTRAS.items():
        absent, odd, present = _requirements(extra)
        if absent:
            detail = f"{purpose}: without {', '.join(absent)}"
            yield Finding(f"[{extra}]", "note", detail, _install(extra))
        elif odd:
            detail = f"{purpose}: other versions than tested: {', '.join(odd)}"
            yield Finding(f"[{extra}]", "note", detail, _install(extra))
        elif present:
            yield Finding(f"[{extra}]", "ok", f"{purpose}: {', '.join(present)}")


def _requirements(extra: str) -> tuple[list[str], list[str], list[str]]:
    """Packages of an extra: absent, present in a version outside the range, present."""
    from packaging.requirements import InvalidRequirement, Requirement

    absent: list[str] = []
    odd: list[str] = []
    present: list[str] = []
    try:
        lines = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        lines = []
    for line in lines:
        try:
            wanted = Requirement(line)
        except InvalidRequirement:
            continue
        if wanted.marker is None or wanted.name == PACKAGE:
            continue
        if wanted.marker.evaluate({"extra": ""}) or not wanted.marker.evaluate({"extra": extra}):
            continue
        try:
            version = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            absent.append(wanted.name)
            continue
        fits = wanted.specifier.contains(version, prereleases=True)
        (present if fits else odd).append(f"{wanted.name} {version}")
    return absent, odd, present


def _installed(*names: str) -> bool:
    """Whether any of these distributions or modules is there, without loading it."""
    from importlib.util import find_spec

    return any(find_spec(name.replace("-", "_")) is not None for name in names)


def _install(extra: str) -> str:
    return f"{sys.executable} -m pip install '{PACKAGE}[{extra}]'"
