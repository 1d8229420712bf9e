"""Which samples of data set folders become rows."""

import json

import pytest

from gemvg.tools.errors import DataError
from gemvg.training.rows import chosen_samples
from tests.training.tiny_data import data_folder, rft_recipe

TASKS = ("retrieval", "retrieval", "retrieval", "common", "common", "absent")


@pytest.fixture
def divided(tmp_path):
    """Six samples of three tasks, tasks next to each other; the second and the fifth are held."""
    folder = data_folder(tmp_path / "divided", count=len(TASKS))
    lines = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    for index, (line, task) in enumerate(zip(lines, TASKS, strict=True)):
        line |= {"task": task, "split": "val" if index in (1, 4) else "train"}
    (folder / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def names(found):
    return [sample.id for sample, _ in found]


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("all", ["s0", "s1", "s2", "s3", "s4", "s5"]),
        ("train", ["s0", "s2", "s3", "s5"]),
        ("val", ["s1", "s4"]),
    ],
)
def test_a_split_is_taken_in_the_order_of_the_folder(divided, split, expected):
    assert names(chosen_samples([divided], split)) == expected


def test_a_folder_that_was_not_divided_is_taken_whole(tmp_path, divided):
    whole = data_folder(tmp_path / "whole", count=3)
    assert names(chosen_samples([divided, whole], "val")) == ["s1", "s4", "s0", "s1", "s2"]


def test_a_divided_folder_without_the_split_is_not_taken_instead(divided):
    """It would be evaluated on what was trained on."""
    text = (divided / "samples.jsonl").read_text().replace('"val"', '"test"')
    (divided / "samples.jsonl").write_text(text)
    with pytest.raises(DataError, match="is divided into test, train, without val"):
        chosen_samples([divided], "val")
    assert names(chosen_samples([divided], "train")) == ["s0", "s2", "s3", "s5"]


@pytest.mark.parametrize("content", ["{", "[]", '{"complete": true}', '{"roots": ["a"]}', '"x"'])
def test_a_damaged_manifest_is_one_line(divided, content):
    (divided / "dataset.json").write_text(content)
    with pytest.raises(DataError, match="damaged") as told:
        chosen_samples([divided], "all")
    assert "\n" not in str(told.value)


def test_a_picture_of_a_source_that_is_not_named(divided):
    (divided / "dataset.json").write_text('{"roots": {}}')
    text = (divided / "samples.jsonl").read_text()
    (divided / "samples.jsonl").write_text(text.replace('"file":', '"root": "coco", "file":'))
    with pytest.raises(DataError, match=r"sample s0: .*'coco'"):
        chosen_samples([divided], "all")


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(1, ["s0"]), (3, ["s0", "s3", "s5"]), (4, ["s0", "s3", "s5", "s1"]), (99, 6), (None, 6)],
)
def test_a_limit_takes_every_task_in_turn(divided, limit, expected):
    found = names(chosen_samples([divided], "all", limit))
    assert (len(found) if isinstance(expected, int) else found) == expected


def test_a_limit_reaches_every_folder(tmp_path, divided):
    other = data_folder(tmp_path / "other", count=2)
    assert len({paths[0] for _, paths in chosen_samples([divided, other], "all", 4)}) == 4
    folders = {paths[0].split("/")[-3] for _, paths in chosen_samples([divided, other], "all", 4)}
    assert folders == {"divided", "other"}


def test_a_recipe_trains_on_one_split_and_is_evaluated_on_the_other(divided, tmp_path):
    recipe = rft_recipe(divided, tmp_path / "run", data__eval=[str(divided)])
    from gemvg.training.run import make_trainer

    trainer = make_trainer(recipe)
    assert sorted(trainer.train_dataset["sample_id"]) == ["s0", "s2", "s3", "s5"]
    assert sorted(trainer.eval_dataset["sample_id"]) == ["s1", "s4"]
