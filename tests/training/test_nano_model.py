"""The nano model, its tokenizer and its tensors against what stock transformers makes of them."""

import json
from random import Random

import numpy as np
import pytest
import torch
from PIL import Image

from gemvg.policy.dialects import dialect_for_model
from gemvg.policy.dialects.nano import NanoDialect, parse_nano
from gemvg.policy.dialects.nano_tokens import COORDINATES, coordinate
from gemvg.policy.messages import TextPart, ViewPart
from gemvg.policy.policy import Completion
from gemvg.tools.boxes import Box, GroundedBox
from gemvg.tools.tool import ToolResult, describe_box
from gemvg.training.nano.answers import answer_loss, write_answers
from gemvg.training.nano.composer import Composer, cell_objects
from gemvg.training.nano.export import export
from gemvg.training.nano.model import build_model, parameter_count
from gemvg.training.nano.packing import head_positions, pack
from gemvg.training.nano.questions import AskedOf, Page, make_page, place_text
from gemvg.training.nano.recipe import NanoRecipe
from gemvg.training.nano.shapes import ShapePictures
from gemvg.training.nano.size import SIZES, get_size
from gemvg.training.nano.studio import open_studio
from gemvg.training.nano.tokenizer import TAGS, make_processor, make_tokenizer, own_tokens
from gemvg.training.nano.tower import see
from gemvg.training.nano.words import packaged_words
from tests.policy.pictures import context_of

VIEWS = ((112, 112), (640, 480))


def tiny(folder="unused", **changes):
    legs = [{"name": "vision", "trains": "vision", "steps": 4, "batch": 4}]
    base = {
        "name": "tiny", "size": "tiny", "output": str(folder), "objects": "shapes", "names": 8,
        "evaluate": 0, "bfloat16": False, "threads": 1, "legs": legs,
    }  # fmt: skip
    return NanoRecipe.model_validate({**base, **changes})


@pytest.fixture(scope="module")
def studio():
    made = open_studio(tiny(), "cpu")
    made.model.eval()
    return made


@pytest.fixture(scope="module")
def folder(studio, tmp_path_factory):
    return export(studio, tmp_path_factory.mktemp("nano") / "model")


def pages(studio, number, pictures=1, questions=3, seed=0, grid=(4, 4)):
    rng = Random(seed)
    how = AskedOf(pictures, questions, 0.3, 0.5 if pictures > 1 else 0.0)
    return [make_page(rng, studio.composer, *grid, how) for _ in range(number)]


def test_every_own_token_is_one_token_and_reads_back():
    tokenizer = make_tokenizer(packaged_words())
    for token in own_tokens():
        ids = tokenizer(token)["input_ids"]
        assert len(ids) == 1, token
        assert tokenizer.decode(ids) == token
    ids = [tokenizer.convert_tokens_to_ids(coordinate(v)) for v in COORDINATES]
    assert ids == list(range(ids[0], ids[0] + len(COORDINATES)))
    assert set(TAGS) <= set(own_tokens())


def test_every_name_is_known_and_other_words_are_not():
    tokenizer = make_tokenizer(packaged_words())
    unknown = tokenizer.unk_token_id
    from gemvg.training.data.scenes.vocabulary import vocabulary

    for label in (*vocabulary().names, *ShapePictures().labels):
        assert unknown not in tokenizer(f"Find the {label}, please.")["input_ids"], label
    assert tokenizer("Find the qwzrtx")["input_ids"].count(unknown) == 1
    text = " find the tropical fish in image 2, not the t-rex."
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.decode(ids) == text
    assert "".join(tokenizer.decode([i]) for i in ids) == text


@pytest.mark.parametrize("name", list(SIZES))
def test_sizes(name):
    tokenizer = make_tokenizer(packaged_words())
    with torch.device("meta"):
        from transformers import Qwen3VLForConditionalGeneration

        from gemvg.training.nano.size import make_config

        model = Qwen3VLForConditionalGeneration(make_config(get_size(name), tokenizer))
    millions = parameter_count(model) / 1e6
    assert millions < 26
    if name != "tiny":
        assert abs(millions - float(name[:-1])) < 0.2 * float(name[:-1])


def test_the_same_seed_gives_the_same_model():
    tokenizer = make_tokenizer(packaged_words())
    one, two = (build_model(get_size("tiny"), tokenizer, 3) for _ in range(2))
    other = build_model(get_size("tiny"), tokenizer, 4)
    pairs = list(zip(one.parameters(), two.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(one.lm_head.weight, other.lm_head.weight)
    weight = one.model.visual.blocks[0].mlp.linear_fc1.weight
    assert abs(float(weight.std()) * weight.shape[1] ** 0.5 - 1) < 0.1


@pytest.mark.parametrize("name", ["tiny", "13m"])
@pytest.mark.parametrize("grid", [(4, 4), (2, 3)])
def test_the_batched_tower_equals_the_stock_one(name, grid):
    size = get_size(name)
    tokenizer = make_tokenizer(packaged_words())
    model = build_model(size, tokenizer, 0)
    torch.nn.init.normal_(model.model.visual.pos_embed.weight)
    side = size.patch * size.merge
    height, width = grid[0] * side, grid[1] * side
    noise = np.random.default_rng(0).integers(0, 256, (3, height, width, 3), np.uint8)
    processor = make_processor(size, tokenizer)
    picture = processor.image_processor
    picture.size = {"shortest_edge": 1, "longest_edge": 1 << 30}
    made = picture([Image.fromarray(p) for p in noise], return_tensors="pt")
    with torch.no_grad():
        stock = model.model.visual(made["pixel_values"], grid_thw=made["image_grid_thw"])
        tokens, deep = see(model.model.visual, torch.from_numpy(noise))
    assert tokens.shape == (3, grid[0] * grid[1], size.width)
    torch.testing.assert_close(tokens.flatten(0, 1), stock.pooler_output, atol=2e-4, rtol=1e-3)
    for own, theirs in zip(deep, stock.deepstack_features, strict=True):
        torch.testing.assert_close(own.flatten(0, 1), theirs, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("pictures", [1, 2])
def test_packed_ids_and_positions_are_the_processors(studio, pictures):
    (page,) = pages(studio, 1, pictures, 1)
    batch = pack([page], studio.prompts, answers=False)
    question = page.questions[0]
    text = studio.prompts.text(pictures, question.words, question.mode)
    processor = make_processor(studio.size, studio.tokenizer)
    shown = [Image.fromarray(s.pixels) for s in page.scenes]
    inputs = processor(text=[text], images=shown, return_tensors="pt")
    assert batch.ids.tolist() == inputs["input_ids"].tolist()
    positions, _ = studio.model.model.get_rope_index(
        inputs["input_ids"], mm_token_type_ids=inputs["mm_token_type_ids"],
        image_grid_thw=inputs["image_grid_thw"],
    )  # fmt: skip
    assert torch.equal(batch.positions, positions)


def test_positions_of_pictures_that_are_not_square():
    head = [7, 1, 1, 1, 1, 1, 1, 8]
    own = head_positions(head, 1, 2, 3)
    assert own.tolist() == [
        [0, 1, 1, 1, 1, 1, 1, 4], [0, 1, 1, 1, 2, 2, 2, 4], [0, 1, 2, 3, 1, 2, 3, 4]
    ]  # fmt: skip


def test_packed_questions_lose_as_much_as_each_alone(studio):
    made = pages(studio, 3, 2, 3, seed=5)
    apart = [Page(page.scenes, (question,)) for page in made for question in page.questions]

    def loss(some):
        batch = pack(some, studio.prompts)
        tokens, deep = see(studio.model.model.visual, batch.pixels)
        answer = answer_loss(studio.model, batch, tokens, deep, studio.labels)
        return answer.words, len(batch.targets)

    with torch.no_grad():
        whole, count = loss(made)
        parts = [loss([page]) for page in apart]
    assert sum(n for _, n in parts) == count
    mean = sum(float(value) * n for value, n in parts) / count
    assert float(whole) == pytest.approx(mean, rel=1e-4)


def test_soft_labels_prefer_near_coordinates(studio):
    labels, width = studio.labels, len(studio.tokenizer)
    target = torch.tensor([labels.first + 50])

    def loss_of(step):
        logits = torch.zeros(1, width)
        logits[0, labels.first + step] = 5.0
        return float(labels.loss(logits, target))

    assert loss_of(50) < loss_of(51) < loss_of(53) < loss_of(70)
    word = torch.tensor([3])
    logits = torch.randn(1, width)
    assert float(labels.loss(logits, word)) == pytest.approx(
        float(torch.nn.functional.cross_entropy(logits, word)), rel=1e-5
    )


def test_an_exported_folder_answers_as_the_training_code(studio, folder):
    from transformers import AutoModelForImageTextToText, AutoProcessor

    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    processor = AutoProcessor.from_pretrained(folder)
    assert dialect_for_model(str(folder)).name == "nano"
    assert "heads" not in " ".join(n for n, _ in model.named_parameters())
    stored = json.loads((folder / "config.json").read_text())
    assert stored["dtype"] == "bfloat16"
    # The folder holds bf16, so the training side is given the same rounded weights.
    with torch.no_grad():
        for own, other in zip(studio.model.parameters(), model.parameters(), strict=True):
            own.copy_(other)
    for pictures in (1, 2):
        for page in pages(studio, 3, pictures, 1, seed=pictures):
            question = page.questions[0]
            text = studio.prompts.text(pictures, question.words, question.mode)
            shown = [Image.fromarray(s.pixels) for s in page.scenes]
            inputs = processor(text=[text], images=shown, return_tensors="pt")
            with torch.no_grad():
                out = model.generate(**inputs, max_new_tokens=12, do_sample=False)
            theirs = out[0, inputs["input_ids"].shape[1] :].tolist()
            theirs = theirs[: theirs.index(studio.prompts.end)] if (
                studio.prompts.end in theirs) else theirs  # fmt: skip
            batch = pack([page], studio.prompts, answers=False)
            assert write_answers(studio.model, batch, studio.prompts.end, 12) == [theirs]


def test_pages_name_what_is_there(studio):
    for page in pages(studio, 30, 2, 4, seed=9):
        for question in page.questions:
            parsed = parse_nano(question.answer.removesuffix("</answer>"))
            assert len(parsed.boxes) == len(question.places)
            assert parsed.none == (not question.places)
            for (picture, box), read in zip(question.places, parsed.boxes, strict=True):
                assert read.image == picture
                assert np.abs(np.array(read.numbers) / 1000 - box).max() <= 0.0085
                assert box.min() >= 0 and box.max() <= 1


def test_a_cell_shows_what_covers_most_of_it():
    labels = np.zeros((4, 8), np.int16)
    labels[:4, :3], labels[:2, 4:6] = 2, 1
    assert cell_objects(labels, 2, 4).tolist() == [[1, 0]]
    labels[0, 4:6] = 0
    assert cell_objects(labels, 2, 4).tolist() == [[1, -1]]


def test_scenes_keep_what_they_were_asked_for():
    composer = Composer(ShapePictures(), ShapePictures().labels, 16)
    for seed in range(20):
        scene = composer.scene(Random(seed), 7, 7, [3], [5])
        assert scene.pixels.shape == (112, 112, 3)
        assert scene.names.count(3) == 1
        assert 5 not in scene.names
        again = composer.scene(Random(seed), 7, 7, [3], [5])
        assert np.array_equal(scene.pixels, again.pixels)


def test_places_are_written_as_the_dialect_writes_them():
    dialect, context = NanoDialect(), context_of(*VIEWS)
    rng = np.random.default_rng(0)
    for _ in range(200):
        low, more = rng.random(2) * 0.98, rng.random(2)
        high = low + 0.001 + (1 - low - 0.001) * more
        box = np.concatenate([low, high])
        found = GroundedBox(2, Box(*(box * [640, 480, 640, 480]).tolist()))
        assert place_text(2, box) == dialect.write([found], context)


def test_the_dialect_reads_its_own_forms():
    dialect, context = NanoDialect(), context_of(*VIEWS)
    context.boxes.add(GroundedBox(2, Box(10, 20, 30, 40), "dog", 0.5, "detector"))

    def read(text):
        return dialect.read(Completion(text), context)

    boxes = read("<answer><image_1><c0><c0><c504><c1000> red disc<b1></answer>").boxes
    assert [(b.image, b.label) for b in boxes] == [(1, "red disc"), (2, "dog")]
    assert boxes[0].box.x2 == pytest.approx(56.448)
    assert read("<answer><none></answer><|im_end|>").status == "none"
    unknown = read("<answer><unknown></answer>")
    assert (unknown.status, unknown.boxes) == ("unparsable", ())
    assert "word" in unknown.text
    assert read("<answer><image_1><c0><c0><c504>").status in ("truncated", "unparsable")
    cut = read("<answer><image_1><c0><c0><c504><c504><image_2><c8>")
    assert (cut.status, len(cut.boxes)) == ("partial", 1)
    json_form = read('<answer>[{"image": 1, "bbox_2d": [0, 0, 500, 500]}]</answer>')
    assert json_form.status == "ok"


def test_tool_calls_and_results_in_tokens():
    dialect, context = NanoDialect(), context_of(*VIEWS)
    call = (
        '<tool_call>{"name": "zoom", "arguments": {"regions": [{"view": 2, "box": '
        '[<c0><c0><c504><c1000>]}, {"id": "<b3>"}]}}</tool_call>'
    )
    (found,) = dialect.read(Completion(call), context).calls
    ours = dialect.to_tool_call(found, context)
    assert ours.error is None
    assert ours.arguments["regions"] == [
        {"view": 2, "box": pytest.approx([0, 0, 322.56, 480])}, {"id": "b3"}
    ]  # fmt: skip
    spaced = '<tool_call>{"name": "detect", "arguments": {"labels": [" dog"]}}</tool_call>'
    (found,) = dialect.read(Completion(spaced), context).calls
    assert dialect.to_tool_call(found, context).arguments["labels"] == ["dog"]
    box = GroundedBox(2, Box(0, 0, 256, 192), "dog", 0.9, "detector")
    result = ToolResult(True, describe_box("b1", box), "1", (), (("b1", box),))
    (turn,) = dialect.tool_messages(found, result, context.book)
    assert turn.parts == (TextPart("<image_2><c0><c128><c256><c384><c512><c640> dog<b1>"),)
    (turn,) = dialect.tool_messages(found, ToolResult(True, "nothing", "0"), context.book)
    assert turn.text == "<none>"


def test_a_prompt_is_short(studio):
    (user,) = NanoDialect().opening("Find the dog", context_of(*VIEWS).book, [1, 2], "think", [])
    assert user.parts[-1] == TextPart("Find the dog\nthink")
    assert ViewPart(2) in user.parts
    ids = studio.prompts.tail("find the dog", "direct")
    assert studio.tokenizer.decode(list(ids)).endswith("<|im_start|> assistant\n")
    assert len(ids) == 10
