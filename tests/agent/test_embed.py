"""The agent inside other programs: a LangGraph agent, a graph node, an OpenAI function."""

import asyncio
import base64
import io
import json
import threading

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import create_react_agent
from PIL import Image

from gemvg.agent import GroundingAgent
from gemvg.agent.embed import (
    GroundingArguments,
    GroundingState,
    call_function,
    function_schema,
    grounding_node,
    grounding_tool,
)
from gemvg.agent.embed.numbering import Numbering
from gemvg.agent.embed.public_text import public_name, public_text
from gemvg.tools.errors import ImageError, UsageError
from tests.agent.scripts import PICTURES, agent, answer, item, picture, zoom


class Chat(GenericFakeChatModel):
    """A chat model that says a script and takes tools."""

    def bind_tools(self, tools, **kwargs):
        return self


def wants(**arguments):
    call = {"name": "ground_pictures", "args": arguments, "id": "c1", "type": "tool_call"}
    return AIMessage("", tool_calls=[call])


def react(tool, *said, **options):
    return create_react_agent(Chat(messages=iter(said)), [tool], **options)


FOUND = answer(item(2, (0, 0, 500, 500), "cat"))


def test_a_react_agent_calls_the_tool_and_uses_its_answer():
    tool = grounding_tool(agent(FOUND), PICTURES)
    read = []

    def last_word(messages):
        read.append(messages[-1])
        return AIMessage("The cat is in picture 2.")

    class Reader(Chat):
        def _generate(self, messages, stop=None, run_manager=None, **kwargs):
            if isinstance(messages[-1], ToolMessage):
                self.messages = iter([last_word(messages)])
            return super()._generate(messages, stop, run_manager, **kwargs)

    graph = create_react_agent(Reader(messages=iter([wants(query="the cat")])), [tool])
    out = graph.invoke({"messages": [("user", "where is the cat?")]})
    (told,) = read
    assert "1. cat: picture 2, [0, 0, 32, 24]" in told.content
    assert told.artifact["answer"]["answer"][0]["box"] == [0.0, 0.0, 32.0, 24.0]
    (drawn,) = told.artifact["pictures"]
    shown = Image.open(io.BytesIO(base64.b64decode(drawn["data"])))
    assert drawn["image"] == 2 and shown.format == "JPEG"
    assert out["messages"][-1].content == "The cat is in picture 2."


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"query": "the cat", "images": [9]}, "there is no picture 9; the pictures are 1 to 2"),
        ({"query": " "}, "the question is empty"),
        ({"query": "the cat", "images": ["/etc/passwd"]}, "images.0"),
        ({"query": "the cat", "images": []}, "images"),
        ({"question": "the cat"}, "query: Field required"),
        ({"query": "the cat", "mode": "fast"}, "mode"),
    ],
)
def test_arguments_that_do_not_fit_are_told_to_the_model_in_one_line(arguments, words):
    graph = react(grounding_tool(agent(FOUND), PICTURES), wants(**arguments), AIMessage("sorry"))
    told = graph.invoke({"messages": [("user", "?")]})["messages"][-2]
    assert told.status == "error" and words in told.content
    assert "\n" not in told.content and "pydantic" not in told.content


def test_an_outer_checkpointer_and_stream_see_nothing_of_the_episode():
    saver = InMemorySaver()
    tool = grounding_tool(agent(zoom(), FOUND), drawn="none")
    graph = react(tool, wants(query="the cat"), AIMessage("done"), checkpointer=saver)
    big = [picture(1500, 1000), picture(1500, 1000, 9)]
    config = {"configurable": {"thread_id": "1", "pictures": big}}
    seen = {namespace for namespace, _ in graph.stream(
        {"messages": [("user", "?")]}, config, stream_mode="updates", subgraphs=True
    )}  # fmt: skip
    assert seen == {()}
    assert {key[1] for key in saver.blobs} == {""}
    assert sum(len(blob[1]) for blob in saver.blobs.values()) < 20_000


def test_a_node_writes_the_answer_and_keeps_pictures_out_of_the_state():
    graph = StateGraph(GroundingState)
    graph.add_node("ground", grounding_node(agent(FOUND)))
    graph.add_edge(START, "ground")
    graph.add_edge("ground", END)
    compiled = graph.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1", "pictures": PICTURES}}
    out = compiled.invoke({"query": "the cat"}, config)
    assert out["grounding"]["status"] == "ok"
    again = asyncio.run(compiled.ainvoke({"query": "the cat", "images": [2, 1]}, config))
    # The policy saw picture 2 first, and said "image 2", which is the list's picture 1.
    assert again["grounding"]["answer"][0]["image"] == 1
    assert [i["index"] for i in again["grounding"]["images"]] == [2, 1]
    inner = StateGraph(GroundingState)
    inner.add_node("sub", compiled)
    inner.add_edge(START, "sub")
    assert inner.compile().invoke({"query": "the cat"}, config)["grounding"]["status"] == "ok"


def test_the_function_schema_is_what_openai_calls_strict():
    from openai.lib._pydantic import to_strict_json_schema

    function = function_schema()["function"]
    theirs = to_strict_json_schema(GroundingArguments)
    ours = function["parameters"]
    assert function["strict"] is True
    assert ours["required"] == theirs["required"] == ["query", "images", "mode"]
    assert ours["additionalProperties"] is theirs["additionalProperties"] is False
    assert set(ours["properties"]) == set(theirs["properties"])
    assert "default" not in json.dumps(ours) and "maxLength" not in json.dumps(ours)
    kinds = [option["type"] for option in ours["properties"]["images"]["anyOf"]]
    assert kinds == ["array", "null"]


def test_a_called_function_answers_in_the_programs_own_numbers():
    asked = json.dumps({"query": "the cat", "images": [2], "mode": "direct"})
    says = agent(answer(item(1, (0, 0, 1000, 1000), "cat")))
    grounding = call_function(says, asked, PICTURES)
    assert [box.image for box in grounding.answer.answer] == [2]
    assert "picture 2, [0, 0, 64, 48]" in grounding.text
    assert grounding.answer.mode.asked == "direct"
    for wrong in ("[]", "{", '{"query": 3}', '{"query": "x", "path": "a"}', "[" * 10_000):
        with pytest.raises(UsageError) as told:
            call_function(agent(FOUND), wrong, PICTURES)
        assert "\n" not in str(told.value)


PHOTO = Image.effect_noise((400, 300), 90).convert("RGB").resize((800, 600))
CROP = PHOTO.crop((200, 100, 600, 400))
CANVAS = Image.new("RGB", (1000, 900), (90, 120, 60))
CANVAS.paste(PHOTO, (100, 200))
LISTED = [Image.effect_noise((500, 400), 40).convert("RGB"), CROP, PHOTO, CANVAS]


@pytest.mark.parametrize("images", [None, [2, 3, 4], [2, 3], [3, 2], [3], [4, 3, 2, 3, 2]])
@pytest.mark.parametrize(
    "query",
    [
        "find image 2 in image 3",
        "find the second picture in the third picture",
        "find picture #2 in photo no. 3",
        "find image two in image three",
        "find image B in image C",
    ],
)
def test_a_question_means_the_same_pictures_whichever_are_chosen(query, images):
    finder = GroundingAgent("planner", tools=["match"])
    grounding = call_function(finder, {"query": query, "images": images}, LISTED)
    (box,) = grounding.answer.answer
    assert (grounding.answer.status, box.image) == ("ok", 3)
    assert box.box == pytest.approx((200, 100, 600, 400), abs=4)
    assert grounding.answer.query == query
    assert "picture 3, [" in grounding.text
    assert "where image 2 was cut from, in image 3" in grounding.text
    assert "image 1" not in grounding.text
    chosen = list(dict.fromkeys(images or [1, 2, 3, 4]))
    assert [i.index for i in grounding.answer.images] == chosen == list(grounding.pictures)


def test_what_is_found_in_other_pictures_only_is_told_and_not_given():
    finder = GroundingAgent("planner", tools=["match"])
    asked = {"query": "find image 2 in image 3", "images": [4]}
    grounding = call_function(finder, asked, LISTED)
    assert (grounding.answer.status, grounding.answer.answer) == ("none", [])
    assert "not to be looked at are left out: picture 3." in grounding.text
    with pytest.raises(UsageError, match="speaks of pictures that are not to be looked at"):
        call_function(GroundingAgent("planner", tools=["match"], max_images=3), asked, LISTED)


@pytest.mark.parametrize(
    ("query", "numbers", "asked"),
    [
        ("every dog", (2, 4), "every dog"),
        ("the object that both pictures share", (2, 4), "the object that both pictures share"),
        ("find image 2 in image 4", (2, 4), "find image 1 in image 2"),
        ("find image 2 in image 4", (4, 2), "find image 2 in image 1"),
        ("two dogs in images 2 to 4", (2, 3, 4), "two dogs in images 1, 2 and 3"),
        ("cats of the first and the last photo", (4, 1), "cats of photo 2 and 1"),
        ("where in the others image 3 was", (2, 3), "where in the others image 2 was"),
        ("dog in <image3>, cat in Image_4", (3, 4), "dog in <image1>, cat in Image_2"),
        ("the last one", (2, 3), None),
        ("the last one", (2, 4), "the last one"),
        ("find image 1 in image 2", (2, 3), None),
        ("the dogs in 2 and 3", (2, 3), None),
        ("2: dog; 3: cat", (2, 3), None),
        ("image B", (2, 3), None),
        ("the first two pictures", (2, 3), None),
        ("the dog in image 9", (2, 3), None),
        ("the dog in img_2.jpg", (2, 3), None),
    ],
)  # fmt: skip
def test_pictures_in_a_question_get_the_numbers_that_the_policy_sees(query, numbers, asked):
    assert Numbering(numbers, 4).inward(query) == asked


def test_what_a_policy_says_of_pictures_is_told_in_the_lists_numbers():
    numbering = Numbering((2, 4), 4)
    for said, told in (
        ("image 1: 2 (b1, b2); image 2: 0", "image 2: 2 (b1, b2); image 4: 0"),
        ("In images 1 and 2 are 2 dogs.", "In images 2 and 4 are 2 dogs."),
        ("In image 1, 2 dogs; none in the last picture", "In image 2, 2 dogs; none in picture 4"),
        ("view 2 of picture 7", "view 2 of picture 7"),
    ):
        assert numbering.outward(said) == told
    with pytest.raises(ImageError, match=r"^<bytes 2>"):
        call_function(agent(FOUND), {"query": "it", "images": [2]}, [PICTURES[0], b"no picture"])
    told = call_function(agent(FOUND), {"query": "it", "images": [3, 2]}, [*PICTURES, picture()])
    assert [i.source for i in told.answer.images] == ["<array 3>", "<array 2>"]


def test_a_question_that_names_a_file_means_it_in_the_whole_list(tmp_path):
    names = ["other.png", "crop.png", "photo.png", "canvas.png"]
    for name, made in zip(names, LISTED, strict=True):
        made.save(tmp_path / name)
    finder = GroundingAgent("planner", tools=["match"])
    for images in ([3], [3, 4], [4, 3, 2]):
        asked = {"query": "find crop.png in photo.png", "images": images}
        found = call_function(finder, asked, [tmp_path / name for name in names]).answer
        assert [box.image for box in found.answer] == [3]
        assert found.query == asked["query"]


def test_addresses_of_the_programs_own_list_are_fetched_as_its_agent_may():
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48)).save(buffer, "PNG")
    may = agent(FOUND, fetch=lambda address: buffer.getvalue())
    listed = ["http://a.example/a.png", picture()]
    assert call_function(may, {"query": "the cat"}, listed).answer.status == "ok"
    with pytest.raises(UsageError, match="not fetched"):
        call_function(agent(FOUND), {"query": "the cat"}, listed)


def test_one_tool_serves_many_threads_and_loops():
    tool = grounding_tool(agent(FOUND), PICTURES)
    call = {"name": tool.name, "args": {"query": "the cat"}, "id": "c", "type": "tool_call"}
    statuses = []

    def work():
        statuses.append(tool.invoke(call).artifact["answer"]["status"])
        message = asyncio.run(tool.ainvoke(call))
        statuses.append(message.artifact["answer"]["status"])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert statuses == ["ok"] * 16


def test_what_is_told_is_told_plainly():
    def text(*said):
        return call_function(agent(*said), {"query": "it"}, PICTURES).text

    assert "nothing of the kind" in text(answer())
    assert "No readable answer" in text("I like cats")
    assert "picture 1 is 64 x 48" in text(answer())


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("can't open /home/someone/x/y.pt now", "/home/some"),
        ("can't open ~/secret/key", "secret"),
        (r"C:\Users\me\a.png is bad", "Users"),
        ("<_io.BytesIO object at 0x7f3a2c41d0>", "0x7f"),
        ("connect to http://10.0.0.5:8000/v1 failed", "10.0"),
        ("host 192.168.0.1:80 refused", "192.168"),
        ("host fe80::1ff:fe23:4567:890a refused", "fe80"),
        ("../../etc/passwd: no", "etc"),
    ],
)
def test_public_text_holds_no_path_and_no_address(text, gone):
    assert gone not in public_text(text)


def test_public_text_leaves_ordinary_words_alone():
    for words in (
        "picture 2: 60000 x 60000 pixels, more than the limit of 64 million pixels.",
        "1. dog: picture 2, [34, 50, 200, 310], 0.91",
        "Accepted: JPEG, PNG, WEBP, GIF, BMP, TIFF. Ask and/or leave out.",
        "at 12:30:15 it ended: 3/4 done",
    ):
        assert public_text(words) == words
    assert public_name("/models/qwen3-vl") == "qwen3-vl"
    assert public_name("http://10.0.0.1:8000/v1/served") == "served"
    assert public_name("Qwen/Qwen3-VL-8B") == "Qwen/Qwen3-VL-8B"


def test_one_opened_picture_may_be_asked_about_by_many_at_once(tmp_path):
    Image.effect_noise((600, 500), 90).convert("RGB").save(tmp_path / "a.png")
    opened = Image.open(tmp_path / "a.png")
    many = agent(FOUND)

    async def ask():
        return await asyncio.gather(*(many.aask("it", [opened, opened]) for _ in range(16)))

    answers = asyncio.run(ask())
    assert {told.status for told in answers} == {"ok"}
    cut = (tmp_path / "a.png").read_bytes()[:2000]
    with pytest.raises(ImageError, match="damaged"):
        many.ask("it", [Image.open(io.BytesIO(cut))])
