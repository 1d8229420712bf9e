"""Answers that go round in circles are cut, and others are not."""

import asyncio
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from gemvg.policy.backends.numpy_local import NumpyPolicy
from gemvg.policy.backends.repetition import LONGEST, SHORTEST, TIMES, repeats
from gemvg.policy.backends.small.weights import WEIGHTS
from gemvg.policy.backends.transformers_local import TransformersPolicy
from gemvg.policy.dialects import get_dialect
from gemvg.policy.presets import get_preset
from tests.policy.test_backend_transformers import request


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        ([], False),
        ([7] * (SHORTEST * TIMES - 1), False),
        ([7] * (SHORTEST * TIMES), True),
        ([1, 2, 3] * 23, False),
        ([1, 2, 3] * 24, True),
        (list(range(40)) * 7, False),
        (list(range(40)) * 8, True),
        ([9, 9, *list(range(40)) * 8], True),
        ([*list(range(40)) * 8, 41], False),
        (list(range(LONGEST + 1)) * 20, False),
        # Boxes of which one number differs are several boxes.
        ([token for box in range(30) for token in (1, 2, box, 4, 5, 6, 7, 8)], False),
    ],
)
def test_repeats(ids, found):
    assert repeats(ids) is found


def plainly(ids):
    return any(
        len(ids) >= size * TIMES and ids[-size * TIMES :] == ids[-size:] * TIMES
        for size in range(SHORTEST, LONGEST + 1)
    )


@given(
    st.lists(st.integers(0, 1), max_size=20), st.integers(0, 40), st.lists(st.just(0), max_size=2)
)
def test_repeats_is_what_it_says(stretch, times, behind):
    ids = stretch * times + behind
    assert repeats(ids) is plainly(ids)


@pytest.fixture(scope="module")
def stuck(tmp_path_factory):
    """Nano that always writes the same token: its last states are zeros."""
    folder = tmp_path_factory.mktemp("stuck") / "nano"
    shutil.copytree(get_preset("nano").folder, folder)
    tensors = load_file(folder / WEIGHTS)
    tensors["model.language_model.norm.weight"].zero_()
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize("backend", [NumpyPolicy, lambda f, d: TransformersPolicy(str(f), d)])
def test_a_loop_ends_the_answer(backend, stuck):
    async def ask():
        policy = backend(stuck, get_dialect("nano"))
        completion = await policy.complete(request("cat", (1,), max_tokens=1000))
        await policy.aclose()
        return completion

    completion = asyncio.run(ask())
    assert completion.finish_reason == "length"
    assert completion.usage.completion_tokens == SHORTEST * TIMES
