"""Answers held to a JSON schema while they are generated, with llguidance."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

from ...tools.errors import MissingDependency, PolicyError


class GrammarMaker:
    """Makes grammars for one tokenizer.

    Args:
        tokenizer: a fast tokenizer of transformers.
        vocabulary: the model's number of logits, which may exceed the tokenizer's.
    """

    def __init__(self, tokenizer: Any, vocabulary: int) -> None:
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._made: Any = None
        self._lock = threading.Lock()

    def of_schema(self, schema: Mapping[str, Any]) -> Grammar:
        """The grammar of a JSON schema.

        Raises:
            MissingDependency: llguidance is not installed.
            PolicyError: the schema can't be followed.
        """
        try:
            import llguidance
            import llguidance.hf
        except ImportError:
            raise MissingDependency(
                "answers in a JSON schema need llguidance.", "pip install 'gemvg-agent[local]'"
            ) from None
        with self._lock:
            if self._made is None:
                self._made = llguidance.hf.from_tokenizer(self._tokenizer, self._vocabulary)
        # White space is the model's to waste: without it a schema always comes to its end.
        compact = {"x-guidance": {"whitespace_flexible": False}, **schema}
        try:
            grammar = llguidance.LLMatcher.grammar_from_json_schema(json.dumps(compact))
            matcher = llguidance.LLMatcher(self._made, grammar)
            wrong = matcher.is_error()
        except (ValueError, TypeError, RecursionError):
            wrong, matcher = True, None
        if wrong:
            raise PolicyError("the answer's JSON schema can't be followed.", "Use a simpler one.")
        return Grammar(matcher, self._vocabulary)


class Grammar:
    """What the answer may go on with, after what it has so far."""

    def __init__(self, matcher: Any, vocabulary: int) -> None:
        self._matcher = matcher
        self._vocabulary = vocabulary

    def mask(self, logits: Any) -> None:
        """Set the logits of forbidden tokens, shape (vocabulary,), to minus infinity in place."""
        import numpy as np
        import torch

        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        allowed = np.unpackbits(bits, bitorder="little", count=self._vocabulary)
        logits[torch.from_numpy(allowed == 0).to(logits.device)] = float("-inf")

    def accept(self, token: int) -> bool:
        """Go on past a token; False where nothing may follow."""
        self._matcher.consume_token(token)
        return not (self._matcher.is_stopped() or self._matcher.is_error())
