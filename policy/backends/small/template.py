"""A folder's chat template and tokenizer without transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ....tools.errors import WeightsError


class Template:
    """Renders conversations as `apply_chat_template` of transformers does.

    Args:
        folder: holds `chat_template.jinja`.
    """

    def __init__(self, folder: Path) -> None:
        from jinja2.exceptions import TemplateError
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        # A template comes with the weights and is run like them: with nothing within reach.
        made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        made.filters["tojson"] = _as_json
        try:
            source = (folder / "chat_template.jinja").read_text(encoding="utf-8")
            self._template = made.from_string(source)
        except (OSError, UnicodeDecodeError, TemplateError) as error:
            raise WeightsError(
                "the chat template can't be read.", "Copy or download the model's folder again."
            ) from error

    def apply_chat_template(
        self, messages: list[dict[str, Any]], *, tokenize: bool, add_generation_prompt: bool,
        tools: list[dict[str, Any]] | None = None,
    ) -> str:  # fmt: skip
        """The conversation as text; `tokenize` must be False."""
        assert not tokenize
        return self._template.render(
            messages=messages, tools=tools, add_generation_prompt=add_generation_prompt
        )


class Words:
    """A folder's tokenizer, with the names of transformers' methods.

    Args:
        folder: holds `tokenizer.json`.

    Raises:
        WeightsError: it can't be read.

    Attributes:
        inner: the `tokenizers.Tokenizer`.
    """

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        try:
            self.inner: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:
            # The library has no other class for what it can't read.
            raise WeightsError(
                "tokenizer.json can't be read.", "Copy or download the model's folder again."
            ) from error

    def __call__(self, text: str) -> list[int]:
        """Ids of a text."""
        return list(self.inner.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: list[int], *, clean_up_tokenization_spaces: bool = False) -> str:
        """Text of ids, special tokens included."""
        assert not clean_up_tokenization_spaces
        return str(self.inner.decode(ids, skip_special_tokens=False))

    def get_vocab(self) -> dict[str, int]:
        """Ids by token."""
        return dict(self.inner.get_vocab())


def _as_json(value: Any, **given: Any) -> str:
    """As transformers has it: no escapes for HTML."""
    return json.dumps(value, ensure_ascii=given.pop("ensure_ascii", False), **given)
