"""Which words of a question a policy of few words can't read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..tools.views import ViewBook
from .messages import TextPart

if TYPE_CHECKING:
    from .policy import Policy


def unknown_words(policy: Policy, query: str) -> tuple[str, ...]:
    """Words of a question that a policy's tokenizer has no token for, as they stand there.

    Only a tokenizer of whole words has none for some; empty for every other, and for a policy
    whose tokenizer is not in this process.

    Args:
        policy: one with a `tokenizer` (of the library tokenizers), or any other.
        query: the question.
    """
    tokenizer: Any = getattr(policy, "tokenizer", None)
    if tokenizer is None or (unknown := getattr(tokenizer.model, "unk_token", None)) is None:
        return ()
    number = tokenizer.token_to_id(unknown)
    turns = policy.dialect.opening(query, ViewBook(()), (), "auto", ())
    text = "".join(part.text for part in turns[-1].parts if isinstance(part, TextPart))
    read = tokenizer.encode(text, add_special_tokens=False)
    spans = (span for i, span in zip(read.ids, read.offsets, strict=True) if i == number)
    words = (text[begin:end].strip() for begin, end in spans)
    return tuple(dict.fromkeys(word for word in words if word))
