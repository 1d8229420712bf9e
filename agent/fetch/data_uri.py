"""Pictures inside a request, as data URIs: measured before anything is decoded."""

from __future__ import annotations

import base64
import binascii
import re

from ...tools.errors import ImageError

_HEAD = re.compile(r"data:image/[a-z0-9.+-]{1,40};base64,", re.ASCII | re.IGNORECASE)
MAX_HEAD = 70


def is_data_uri(text: str) -> bool:
    """Whether a text means to be one."""
    return text[:5].lower() == "data:"


def decode_data_uri(text: str, max_bytes: int, name: str = "the picture") -> bytes:
    """The bytes of `data:image/...;base64,...`.

    Args:
        text: the whole URI.
        max_bytes: of the picture.
        name: of the picture, for messages.

    Raises:
        ImageError: another kind of URI, too large, not base64, empty. Nothing was decoded where it
            was too large.
    """
    head = _HEAD.match(text[:MAX_HEAD])
    if head is None:
        raise ImageError(f"{name}: not a picture.", "Send data:image/jpeg;base64,... .")
    if (len(text) - head.end()) * 3 // 4 > max_bytes + 3:
        raise ImageError(f"{name}: larger than the limit of {max_bytes / 1e6:.0f} MB.")
    try:
        content = base64.b64decode(text[head.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise ImageError(f"{name}: its base64 is damaged.") from None
    if not content:
        raise ImageError(f"{name}: empty.")
    return content
