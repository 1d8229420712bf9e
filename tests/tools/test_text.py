"""Text of others: what may stand in an answer, and what may reach a terminal."""

import pytest

from gemvg.tools.text import clean_text, encodable


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a cat, 第二张图 \U0001f600", "a cat, 第二张图 \U0001f600"),
        (b"caf\xe9.jpg".decode("utf-8", "surrogateescape"), "caf\ufffd.jpg"),
        ("\ud83d alone", "\ufffd alone"),
        ("", ""),
    ],
)
def test_what_utf_8_cant_hold_is_replaced(text, kept):
    assert encodable(text) == kept
    encodable(text).encode()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("x\x1b]0;PWNED\x07\x1b[31m.jpg: damaged", "x.jpg: damaged"),
        ("two\nlines\tand \u202eturned", "two lines and turned"),
        ("x" * 20, "xxxxxxxxx\u2026"),
    ],
)
def test_what_a_terminal_would_obey_is_left_out(text, kept):
    assert clean_text(text, 10 if len(set(text)) == 1 else 100) == kept
