"""The front door: sources of pictures, threads, tasks, running loops, streams."""

import asyncio
import io
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from gemvg.agent import GroundingAgent
from gemvg.agent import events as e
from gemvg.policy.scripted import ScriptedPolicy
from gemvg.tools.errors import ImageError, UsageError
from gemvg.tools.images import picture_from_array
from tests.agent.scripts import PICTURES, Spot, agent, answer, item, picture, zoom


def encoded(form="PNG"):
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, form)
    return out.getvalue()


def test_pictures_come_as_paths_bytes_pil_arrays_and_pictures(tmp_path):
    file = tmp_path / "red.png"
    file.write_bytes(encoded())
    sources = [
        str(file),
        file,
        encoded("JPEG"),
        bytearray(encoded()),
        Image.new("L", (40, 30)),
        np.zeros((30, 40), np.uint8),
        np.zeros((30, 40, 4), np.uint8),
        picture_from_array(picture(40, 30)),
    ]
    result = agent(answer(item(8))).ask("it", sources)
    assert {(i.width, i.height) for i in result.images} == {(40, 30)}
    assert result.images[0].source == str(file)
    assert result.answer[0].image == 8


def test_one_bad_picture_among_several_is_named(tmp_path):
    good, bad = tmp_path / "good.png", tmp_path / "bad.jpg"
    good.write_bytes(encoded())
    bad.write_bytes(encoded("JPEG")[:400])
    with pytest.raises(ImageError, match=r"bad\.jpg"):
        agent(answer()).ask("it", [good, bad, good])


def test_the_same_file_named_twice_is_decoded_once(tmp_path):
    from gemvg.agent.pictures import load_pictures

    file, copy = tmp_path / "a.png", tmp_path / "b.png"
    file.write_bytes(encoded())
    copy.write_bytes(encoded())
    first, second, third = load_pictures([file, file, copy])
    assert first.pixels is second.pixels is third.pixels
    assert (first.source, third.source) == (str(file), str(copy))


def test_only_so_many_decoded_pixels_are_held(tmp_path, monkeypatch):
    from gemvg.agent import pictures

    files = [tmp_path / f"{k}.png" for k in range(4)]
    for k, file in enumerate(files):
        Image.new("RGB", (40, 30), (k, 0, 0)).save(file)
    monkeypatch.setattr(pictures, "DECODED_PIXELS_KEPT", 2 * 40 * 30)
    loaded = pictures.load_pictures(files)
    assert [picture.decoded for picture in loaded] == [True, True, False, False]
    assert loaded[3].pixels.getpixel((0, 0)) == (3, 0, 0)


def test_of_several_damaged_pictures_the_first_is_named(tmp_path, monkeypatch):
    from gemvg.agent import pictures

    monkeypatch.setattr(pictures, "WORTH_THREADS", 0)
    files = [tmp_path / f"{k}.png" for k in range(6)]
    for k, file in enumerate(files):
        Image.effect_noise((60, 60), 90 + k).save(file)
        if k in (2, 4):
            file.write_bytes(file.read_bytes()[:-900])
    with pytest.raises(ImageError, match=r"2\.png: the picture is damaged"):
        pictures.load_pictures(files)
    whole = [file for k, file in enumerate(files) if k not in (2, 4)]
    loaded = pictures.load_pictures([*whole, whole[0]])
    assert [picture.decoded for picture in loaded] == [True] * 5
    assert loaded[4].pixels is loaded[0].pixels


def test_ask_works_inside_a_running_loop_and_from_many_threads():
    asked = agent(zoom(), answer(item()))

    async def inside():
        return asked.ask("it", PICTURES).status

    assert asyncio.run(inside()) == "ok"
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda k: asked.ask(f"question {k}", PICTURES), range(40)))
    assert [r.query for r in results] == [f"question {k}" for k in range(40)]
    assert {(r.status, r.usage["views"]) for r in results} == {("ok", 1)}


def test_five_hundred_questions_at_once_do_not_mix():
    def policy(request):
        number = int(request.query)
        return answer(item(1 + number % 2, (0, 0, 100 + number, 500), str(number)))

    asked = agent(policy)
    pictures = [picture_from_array(image) for image in PICTURES]

    async def everyone():
        return await asyncio.gather(*[asked.aask(str(k), pictures) for k in range(500)])

    results = asyncio.run(everyone())
    assert [r.answer[0].label for r in results] == [str(k) for k in range(500)]
    assert [r.answer[0].image for r in results] == [1 + k % 2 for k in range(500)]


def test_agents_share_a_policy_and_tools():
    policy, spot = ScriptedPolicy([answer(item())]), Spot()
    first, second = (GroundingAgent(policy, tools=[spot]) for _ in range(2))
    assert first.policy is second.policy and first.tools["spot"] is second.tools["spot"]


def test_the_stream_tells_every_step_in_order():
    asked = agent(zoom(), answer(item()))
    seen = list(asked.stream("it", PICTURES, text=True))
    kinds = [event.kind for event in seen]
    assert kinds == [
        "started", "mode", "text", "policy", "tool-started", "tool", "text", "policy", "answer"
    ]  # fmt: skip
    tool = seen[5]
    assert tool.views[0].image == 1 and tool.views[0].index == 3
    assert seen[-1].answer.status == "ok"
    assert "text" not in [event.kind for event in asked.stream("it", PICTURES)]


def test_events_are_json_and_hold_no_pixels():
    import json

    for event in agent(zoom(), answer(item())).stream("it", PICTURES, text=True):
        record = e.event_record(event)
        assert record["kind"] == event.kind
        assert len(json.dumps(record)) < 4000


def test_the_async_stream_and_its_errors():
    async def collect(images):
        return [event.kind async for event in agent(answer()).astream("it", images)]

    assert asyncio.run(collect(PICTURES)) == ["started", "mode", "policy", "answer"]
    with pytest.raises(UsageError):
        asyncio.run(collect([]))
    with pytest.raises(UsageError):
        next(agent(answer()).stream("it", []))


def test_leaving_a_stream_cancels_the_question():
    asked, cancelled = threading.Event(), threading.Event()

    async def policy(request):
        try:
            asked.set()
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return answer()

    stream = agent(policy).stream("it", PICTURES)
    assert next(stream).kind == "started"
    # Left before the policy is asked, there would be nothing to cancel.
    assert asked.wait(30)
    stream.close()
    assert cancelled.wait(30)


def test_a_question_may_choose_otherwise_than_its_agent():
    seen = []

    def policy(request):
        seen.append((request.seed, request.mode, [tool.name for tool in request.tools]))
        return answer()

    asked = agent(policy, tools=["zoom", Spot()], mode="think", seed=3)
    asked.ask("it", PICTURES)
    asked.ask("it", PICTURES, mode="direct", seed=7, tools=["spot"])
    asked.ask("it", PICTURES, tools=[])
    assert seen == [
        (3, "think", ["zoom", "spot"]),
        (7, "direct", ["spot"]),
        (3, "think", []),
    ]
    with pytest.raises(UsageError, match="no tool 'fly'"):
        asked.ask("it", PICTURES, tools=["fly"])


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"mode": "thinking"}, "no mode 'thinking'. Use auto, think, direct"),
        ({"strategy": "polling"}, "no strategy 'polling'. Use auto, one-shot, poll"),
        ({"scores": "votes"}, "no kind of scores 'votes'. Use none, "),
    ],
)
def test_a_word_that_is_none_is_told_before_the_policy_is_asked(choice, words):
    with pytest.raises(UsageError, match=re.escape(words)):
        agent(answer(), **choice)
    if "scores" not in choice:
        with pytest.raises(UsageError, match=re.escape(words)):
            agent(answer()).ask("it", PICTURES, **choice)


@pytest.mark.parametrize(
    ("tools", "offered"),
    [("zoom", ["zoom"]), ("zoom, match", ["zoom", "match"]), ("none", []), (["match"], ["match"])],
)
def test_tools_of_a_question_are_named_as_those_of_an_agent(tools, offered):
    seen = []

    def says(request):
        seen.append([tool.name for tool in request.tools])
        return answer()

    agent(says, tools=("zoom", "match")).ask("it", PICTURES, tools=tools)
    assert seen == [offered]


def test_a_url_goes_only_through_the_fetcher():
    asked = []

    def fetch(url):
        asked.append(url)
        return encoded()

    allowed = agent(answer(item()), fetch=fetch)
    result = allowed.ask("it", ["https://example.org/a.png"])
    assert asked == ["https://example.org/a.png"] == [result.images[0].source]
    for url in ("http://a/b.jpg", "ftp://a/b", "data:image/png;base64,AA", "file:///etc/passwd"):
        with pytest.raises(UsageError, match="not fetched"):
            agent(answer()).ask("it", [url])
    with pytest.raises(ImageError, match="no such file"):
        agent(answer()).ask("it", ["a:b.jpg"])
