"""From the name that a user gives to a policy: planner, preset, folder, hub id or server."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from ..tools.errors import UnknownDialect, UsageError
from ..tools.text import clean_text
from .dialects import dialect_for_model, get_dialect
from .dialects.family import FamilyDialect
from .policy import Policy

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_IN_VLLM = "vllm:"


def load_policy(spec: str, *, dialect: str | None = None) -> Policy:
    """The policy of a name.

    Args:
        spec: `planner`; a preset (`gemvg-agent policies` lists them); a folder with a model; a hub
            id (OWNER/NAME); a server's address (`http://host:8000/v1`, several with commas between
            them, `#MODEL` at the end where they serve several models). `vllm:` before a folder or
            hub id runs it in this process through vLLM instead of transformers.
        dialect: how the model writes, where its name does not say so.

    Raises:
        UsageError: no such policy. UnknownDialect: nothing says how it writes.
        GemvgError: it can't be reached or loaded; the message says what to do.
    """
    name = spec.strip()
    if name.lower() == "planner":
        from .planner.planner import Planner

        return Planner()
    if name.lower().startswith(("http://", "https://")):
        return _served(name, dialect)
    in_vllm = name.lower().startswith(_IN_VLLM)
    source, written = _source(name[len(_IN_VLLM) :] if in_vllm else name, dialect)
    if in_vllm:
        from .backends.vllm_local import VLLMPolicy

        return VLLMPolicy(source, written, view_tokens=view_tokens(written.name, source))
    from .backends.small.weights import is_small

    if is_small(Path(source)):
        from .backends.numpy_local import NumpyPolicy

        return NumpyPolicy(Path(source), written, view_tokens=view_tokens(written.name, source))
    from .backends.transformers_local import TransformersPolicy

    return TransformersPolicy(source, written, view_tokens=view_tokens(written.name, source))


def _source(name: str, dialect: str | None) -> tuple[str, FamilyDialect]:
    """A folder or hub id, and how its model writes."""
    from .presets import PRESETS

    folder = local_folder(name)
    if folder is not None:
        if not (folder / "config.json").is_file():
            raise UsageError(
                f"{clean_text(name, 120)} holds no model: it has no config.json.",
                "Give the folder that a model was saved to.",
            )
        return str(folder), _dialect(str(folder), dialect)
    preset = PRESETS.get(name.lower())
    if preset is not None and preset.folder is not None:
        if not (preset.folder / "config.json").is_file():
            raise UsageError(
                f"this copy of the package holds no weights of {preset.name}.",
                "Reinstall it, or give a folder of your own (gemvg-agent train nano makes one).",
            )
        return str(preset.folder), get_dialect(dialect or preset.dialect)
    if preset is not None:
        if preset.model is None:
            raise UsageError(
                f"the weights of {preset.name} are not public.",
                f"Give their folder, or a server that has them, and --dialect {preset.dialect}.",
            )
        return preset.model, get_dialect(dialect or preset.dialect)
    if _HUB_ID.fullmatch(name) and not name.endswith(("/", "\\")):
        return name, _dialect(name, dialect)
    raise UsageError(
        f"there is no policy {clean_text(name, 80)}.",
        f"Give a folder, a hub id (OWNER/NAME), an address (http://...), or one of: "
        f"{', '.join(PRESETS)}.",
    )


def local_folder(name: str) -> Path | None:
    """The folder on this machine that a policy's name stands for; None where it stands for none.

    A folder with a model comes before a preset of its name. One without, which happens to lie in
    the working folder and to be called `nano`, does not.
    """
    from .presets import PRESETS

    try:
        folder = Path(name).expanduser()
        if not folder.is_dir():
            return None
    except (OSError, RuntimeError, ValueError):
        # Names that no folder can have, and homes of users who are not there.
        return None
    stray = name.lower() in PRESETS and not (folder / "config.json").is_file()
    return None if stray else folder


def _served(spec: str, dialect: str | None) -> Policy:
    """A model on one server or several."""
    from .backends.endpoints import discover
    from .backends.image_budget import grid_of_family
    from .backends.openai_compatible import OpenAICompatiblePolicy

    addresses, _, model = spec.partition("#")
    urls = [url.strip() for url in addresses.split(",") if url.strip()]
    key = api_key(urls)
    found = [discover(url, model=model or None, api_key=key) for url in urls]
    served = found[0]
    if any(other.name != served.name for other in found):
        raise UsageError(
            "the servers serve different models.", "Name one that all of them have after #."
        )
    try:
        written = _dialect(served.name, dialect)
    except UnknownDialect:
        # A dialect that was named wrongly is the caller's to mend, whatever the model is.
        if dialect or not served.root or served.root == served.name:
            raise
        written = _dialect(served.root, None)
    return OpenAICompatiblePolicy(
        urls,
        served,
        written,
        grid=grid_of_family(served.name, served.root, written.name),
        api_key=key,
        view_tokens=view_tokens(written.name, served.name),
    )


def _dialect(model: str, dialect: str | None) -> FamilyDialect:
    return get_dialect(dialect) if dialect else dialect_for_model(model)


def api_key(urls: list[str]) -> str | None:
    """The key for servers: $GEMVG_API_KEY, or $OPENAI_API_KEY where OpenAI itself is asked.

    A key is never sent to a server that it was not meant for.
    """
    own = os.environ.get("GEMVG_API_KEY")
    if own:
        return own
    hosts = {urlsplit(url).hostname or "" for url in urls}
    return os.environ.get("OPENAI_API_KEY") if hosts == {"api.openai.com"} else None


def view_tokens(*names: str) -> int:
    """Tokens of one picture at most: $GEMVG_MAX_PIXELS in a model's cells, or the default.

    Args:
        names: of the model and its dialect; they tell the cell's size.

    Raises:
        UsageError: the variable is no number of pixels.
    """
    from .backends.image_budget import VIEW_TOKENS, grid_of_family

    given = os.environ.get("GEMVG_MAX_PIXELS")
    if not given:
        return VIEW_TOKENS
    if not given.isdecimal() or len(given) > 15 or int(given) < 1:
        raise UsageError(
            f"GEMVG_MAX_PIXELS is {clean_text(given, 40)!r}.", "Give width times height, 1003520."
        )
    return max(1, int(given) // grid_of_family(*names).factor ** 2)
