"""What a server's refusal means: ask again, ask for less, or give up with a message of our own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from ...tools.errors import AccessRefused, BackendError, BackendRefused, GemvgError
from .chat_payload import Abilities
from .endpoints import refused_key
from .retry import Transient, parse_retry_after

TRANSIENT = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})

_TOO_LONG = re.compile(
    r"context.{0,12}(length|window|size)|max(imum)?[ _]model[ _]len|maximum.{0,20}tokens"
    r"|prompt is too long|longer than the (maximum|model)|exceeds? .{0,40}(context|tokens)",
    re.IGNORECASE | re.DOTALL,
)
_IMAGE_LIMIT = re.compile(
    r"limit.mm.per.prompt|at most \d+ (image|picture)|too many images", re.IGNORECASE
)


class TooLong(GemvgError, ValueError):
    """The server found the prompt too long; the caller shrinks the pictures."""

    kind = "context-overflow"


def refusal(
    status: int, headers: Mapping[str, str], text: str, where: str, abilities: Abilities
) -> Abilities:
    """What to do after an HTTP status other than 200.

    The server's words decide, and never reach the user: they may hold anything.

    Args:
        status: the HTTP status.
        headers: for Retry-After.
        text: the body, or its beginning.
        where: the server, for messages.
        abilities: what it was thought to be able to.

    Returns:
        The abilities to ask again with.

    Raises:
        Transient: it may pass. TooLong: the prompt was too long. BackendRefused: this question is
            not taken. AccessRefused: none is.
    """
    if status == 401:
        raise refused_key(where, status)
    if status == 403:
        # A key without the right, or words that a hosted server's filter does not let through.
        raise BackendRefused(
            f"{where} refuses the question or the key (HTTP 403).",
            "Set GEMVG_API_KEY to a key that may use this model.",
        )
    if status in (400, 413, 422, 501) or status == 500:
        weaker = _weaker(text, abilities)
        if weaker is not None:
            return weaker
        if _IMAGE_LIMIT.search(text):
            raise BackendRefused(
                f"{where} takes fewer pictures in one question than were sent.",
                "Start it with a higher limit (vLLM: --limit-mm-per-prompt), or use "
                "--strategy poll.",
            )
        if status != 500 and _TOO_LONG.search(text):
            raise TooLong("the prompt is too long for the server.")
    if status in TRANSIENT:
        reason = "is busy" if status in (429, 503, 529) else "failed inside"
        error = BackendError(f"{where} {reason} (HTTP {status}).", "Try again later.")
        raise Transient(error, parse_retry_after(headers.get("retry-after")))
    if status == 404:
        raise AccessRefused(
            f"{where} does not know the model or the address (HTTP 404).",
            "Check the name after # and that the address ends in /v1.",
        )
    if status == 413:
        raise TooLong("the pictures are too large for the server.")
    raise BackendRefused(
        f"{where} refuses the question (HTTP {status}).", "The server's log says why."
    )


def _weaker(text: str, abilities: Abilities) -> Abilities | None:
    """The abilities without the one that the server's words complain of."""
    lowered = text.lower()
    if abilities.tool_choice == "auto" and "tool" in lowered and "choice" in lowered:
        return replace(abilities, tool_choice="none")
    if abilities.prefill and (
        "continue_final_message" in lowered or "add_generation_prompt" in lowered
    ):
        return replace(abilities, prefill=False)
    if abilities.special_tokens and "skip_special_tokens" in lowered:
        return replace(abilities, special_tokens=False)
    if abilities.logprobs and "logprob" in lowered:
        return replace(abilities, logprobs=False)
    if "unsupported" in lowered:
        if abilities.length_key == "max_tokens" and "max_completion_tokens" in lowered:
            return replace(abilities, length_key="max_completion_tokens")
        if abilities.temperature and "temperature" in lowered:
            return replace(abilities, temperature=False)
    return None
