"""The loop ends, within its budgets, whatever a policy says; its state stays small."""

import asyncio
import pickle

from hypothesis import given, settings
from hypothesis import strategies as st

from gemvg.agent import graph
from gemvg.agent.budgets import Budgets
from gemvg.agent.state import EpisodeState
from gemvg.policy.policy import Completion
from gemvg.tools.errors import BackendError
from tests.agent.scripts import PICTURES, Spot, agent, answer, call, item, picture, zoom

LINES = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            zoom(),
            zoom(2),
            zoom(7),
            zoom() + zoom(2) + call("spot"),
            call("spot"),
            call("nothing", a=[1, {"b": None}]),
            "<tool_call>{broken",
            answer(item()),
            answer(item(99)),
            answer({"id": "b1"}),
            answer({"id": "b77"}),
            answer(),
            answer(item()) + zoom(),
            "<think>never closed",
            BackendError("gone."),
            ValueError("bug"),
        ]
    ),
    st.builds(
        Completion,
        text=st.text(alphabet='<>[]{}"0123456789,: abstoknwer/_', max_size=80),
        finish_reason=st.sampled_from(["stop", "length", "tool_calls"]),
    ),
)


@settings(max_examples=150, deadline=None)
@given(
    script=st.lists(LINES, min_size=1, max_size=8),
    steps=st.integers(1, 9),
    tool_calls=st.integers(0, 6),
    views=st.integers(0, 3),
    mode=st.sampled_from(["auto", "think", "direct"]),
)
def test_every_script_ends_within_its_budgets(script, steps, tool_calls, views, mode):
    turns = iter(range(10_000))

    def policy(request):
        said = script[next(turns) % len(script)]
        if isinstance(said, Exception):
            raise said
        return said

    budgets = Budgets(steps, tool_calls, 60.0, views)
    result = agent(policy, tools=["zoom", Spot()], budgets=budgets, mode=mode).ask("it", PICTURES)
    assert next(turns) <= steps
    assert result.usage["policy_calls"] <= steps
    assert len(result.steps) == result.usage["tool_calls"] <= tool_calls
    assert result.usage["views"] <= views
    assert (result.status == "failed") == (result.error is not None)
    assert bool(result.answer) == (result.status in ("ok", "partial"))
    for found in result.answer:
        x1, y1, x2, y2 = found.box
        assert found.image in (1, 2) and 0 <= x1 < x2 <= 64 and 0 <= y1 < y2 <= 48
    assert type(result).model_validate_json(result.model_dump_json()) == result


def test_the_state_holds_no_pixels_whatever_the_pictures_weigh(monkeypatch):
    states: list[EpisodeState] = []
    original = graph.answer

    async def spy(state, runtime):
        states.append(state)
        return await original(state, runtime)

    monkeypatch.setattr(graph, "answer", spy)
    spy.__name__ = "answer"
    graph.episode_graph.cache_clear()
    try:
        said = (zoom(), zoom(2), call("spot"), answer(item()))
        big = [picture(2000, 1500, 3), picture(2000, 1500, 4)]
        for images in (PICTURES, big):
            agent(*said, tools=["zoom", Spot()]).ask("it", images)
    finally:
        graph.episode_graph.cache_clear()
    small, large = (len(pickle.dumps(state)) for state in states)
    assert large < 20_000 and abs(large - small) < 500


def test_the_graph_is_compiled_once():
    agent(answer()).ask("it", PICTURES)
    first = graph.episode_graph()

    async def several():
        await asyncio.gather(*[agent(answer()).aask("it", PICTURES) for _ in range(3)])

    asyncio.run(several())
    assert graph.episode_graph() is first
