"""Bars of transformers are hidden for a while, and nothing that a program has set is changed."""

import pytest

from gemvg.tools.transformers_bars import without_bars

logging = pytest.importorskip("transformers.utils.logging")
BAR = "Loading weights"


def bar(capsys: pytest.CaptureFixture[str]) -> str:
    """What transformers' own bar writes now, while it counts to three."""
    capsys.readouterr()
    assert list(logging.tqdm(range(3), desc=BAR)) == [0, 1, 2]
    return capsys.readouterr().err


@pytest.fixture(autouse=True)
def bars_are_on():
    was = logging.is_progress_bar_enabled()
    logging.enable_progress_bar()
    yield
    if not was:
        logging.disable_progress_bar()


def test_bars_are_hidden_inside_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert BAR in bar(capsys)
    with without_bars():
        assert bar(capsys) == ""
        assert logging.is_progress_bar_enabled()
    assert BAR in bar(capsys)


def test_an_error_ends_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="damaged"), without_bars():
        raise ValueError("damaged")
    assert BAR in bar(capsys)


def test_two_loads_that_end_in_any_order(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = without_bars(), without_bars()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert bar(capsys) == ""
    second.__exit__(None, None, None)
    assert BAR in bar(capsys)


def test_a_programs_own_hook_comes_back(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[str] = []

    def own(make, args, options):
        seen.append(options["desc"])
        return make(*args, **options, disable=True)

    before = logging.set_tqdm_hook(own)
    try:
        with without_bars():
            bar(capsys)
            assert seen == []
        bar(capsys)
        assert seen == [BAR]
    finally:
        logging.set_tqdm_hook(before)
