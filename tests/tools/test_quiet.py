"""Warnings are hidden for a while, and a program's own filters come back, whoever ends first."""

import warnings

import pytest

from gemvg.tools.quiet import without_warnings


def test_warnings_are_hidden_inside_only(recwarn: pytest.WarningsRecorder) -> None:
    before = list(warnings.filters)
    with without_warnings():
        warnings.warn("inside", stacklevel=1)
    assert not recwarn.list
    assert warnings.filters == before
    with pytest.warns(UserWarning, match="outside"):
        warnings.warn("outside", stacklevel=1)


def test_two_readers_that_end_in_any_order() -> None:
    before = list(warnings.filters)
    first, second = without_warnings(), without_warnings()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    assert warnings.filters == before


def test_an_error_ends_it_too() -> None:
    before = list(warnings.filters)
    with pytest.raises(ValueError, match="damaged"), without_warnings():
        raise ValueError("damaged")
    assert warnings.filters == before
