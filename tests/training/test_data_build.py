"""Building: the same bytes with any number of processes, going on, every question verified."""

import json
import re
from pathlib import Path

import pytest

from gemvg.tools.errors import DataError, OutputError, UsageError
from gemvg.training.data.build import build
from gemvg.training.data.check import check
from gemvg.training.data.folder import DataFolder
from gemvg.training.data.recipe import load_recipe, shipped, with_pictures
from gemvg.training.data.sample import TASKS
from gemvg.training.data.scenes.picture_sets import SETS
from gemvg.training.data.workshop import Chunk, Place, Workshop
from tests.training.data_fixtures import make_coco, recipe


def tree(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_coco(tmp_path_factory.mktemp("coco"))


@pytest.fixture(scope="module")
def built(data: Path) -> Path:
    out = data / "out"
    build(recipe(), out, data, workers=1)
    return out


def test_every_task_is_built_and_verified(built: Path) -> None:
    folder = DataFolder(built)
    assert {s.task for s in folder.samples()} == set(TASKS)
    report = check(folder)
    assert [f for f in report.findings if f.kind != "balance"] == []
    assert report.verified == report.samples == 60
    assert not (built / "work").exists()


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(built: Path, data: Path) -> None:
    other = data / "out2"
    build(recipe(), other, data, workers=2)
    assert tree(other) == tree(built)


def test_photographs_that_two_sources_hold_are_in_one_split(data: Path) -> None:
    """RefCOCO's are COCO's: trained on as one, they would be held out as the other."""
    whole = recipe().model_dump(exclude_none=True)
    second = {**whole["sources"]["painted"]}
    tasks = [{"task": "retrieval", "pool": pool, "share": 1} for pool in ("painted", "again")]
    both = recipe(
        sources={**whole["sources"], "again": second},
        pools={**whole["pools"], "again": {"records": "again"}},
        tasks=tasks,
    )
    build(both, data / "both", data, workers=1)
    splits: dict[str, set[str]] = {}
    for sample in DataFolder(data / "both").samples():
        for image in sample.images:
            splits.setdefault(image.file.rsplit("/", 1)[-1], set()).add(str(sample.split))
    assert {len(s) for s in splits.values()} == {1}
    assert set[str]().union(*splits.values()) == {"train", "val"}


def test_another_seed_writes_other_samples(built: Path, data: Path) -> None:
    other = data / "out3"
    build(recipe(seed=4, size=12), other, data, workers=1)
    assert (other / "samples.jsonl").read_bytes() != (built / "samples.jsonl").read_bytes()


@pytest.mark.slow
def test_a_stopped_build_goes_on_to_the_same_bytes(
    built: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, done = data / "out4", []
    whole = Workshop.chunk

    def stop(shop: Workshop, chunk: Chunk) -> int:
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(chunk)
        return whole(shop, chunk)

    monkeypatch.setattr(Workshop, "chunk", stop)
    with pytest.raises(KeyboardInterrupt):
        build(recipe(), out, data, workers=1)
    with pytest.raises(DataError, match="not finished"):
        DataFolder(out)
    monkeypatch.setattr(Workshop, "chunk", whole)
    build(recipe(), out, data, workers=1)
    assert tree(out) == tree(built)


def test_two_builds_into_one_folder_do_not_mix(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recipe(size=2, tasks=[{"task": "retrieval", "pool": "painted", "share": 1}])
    whole, told = Workshop.chunk, list[str]()

    def second(shop: Workshop, chunk: Chunk) -> int:
        with pytest.raises(OutputError, match="another run is writing it") as refused:
            build(made, tmp_path / "out", data, workers=1)
        told.append(str(refused.value))
        return whole(shop, chunk)

    monkeypatch.setattr(Workshop, "chunk", second)
    first = build(made, tmp_path / "out", data, workers=1)
    assert told and "\n" not in told[0]
    # It is given back, and who comes later finds it done.
    assert build(made, tmp_path / "out", data, workers=1) == first


def test_a_finished_build_is_left_alone(built: Path, data: Path) -> None:
    before = tree(built)
    assert build(recipe(), built, data, workers=1).samples == 60
    assert tree(built) == before


def test_a_folder_of_something_else_is_refused(built: Path, data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="another recipe"):
        build(recipe(seed=99), built, data)
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        build(recipe(), tmp_path, data)


def test_a_missing_source_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"instances\.json does not exist"):
        build(recipe(), tmp_path / "out", tmp_path)


@pytest.mark.slow
def test_sources_too_small_come_out_short_and_are_said(tmp_path: Path) -> None:
    data = make_coco(tmp_path / "coco", number=2)
    option = {"images": [2, 2]}
    tasks = [{"task": "common", "pool": "painted", "share": 1, "options": option}]
    report = build(recipe(tasks=tasks, size=1500, splits={"train": 1.0}), tmp_path / "o", data, 1)
    assert report.samples + report.short.get("common", 0) == 1500
    assert report.short


def test_splits_share_no_picture(built: Path) -> None:
    used: dict[str, set[str]] = {}
    for sample in DataFolder(built).samples():
        for ref in sample.images:
            used.setdefault(ref.key, set()).add(sample.split)
    assert all(len(splits) == 1 for splits in used.values())


def test_quotas_add_up() -> None:
    for size in (1, 7, 60, 999):
        assert sum(recipe(size=size).quotas()) == size


@pytest.mark.parametrize("name", shipped())
def test_shipped_recipes_are_valid(name: str) -> None:
    assert load_recipe(name).size >= 20_000


def test_the_paper_recipe_keeps_its_proportions() -> None:
    from gemvg.training.data.builders.registry import BUILDERS

    paper = load_recipe("mg-data-240k")
    totals: dict[str, int] = {}
    for task, quota in zip(paper.tasks, paper.quotas(), strict=True):
        demand = BUILDERS[task.task].demand
        totals[demand] = totals.get(demand, 0) + quota
    published = {"referential": 97_000, "semantic": 77_000, "spatial": 20_000, "temporal": 46_000}
    assert totals == published


def test_the_same_things_may_be_drawn_by_others() -> None:
    scenes = load_recipe("nano-scenes")
    drawn = with_pictures(scenes, "objects-drawn")
    assert {pool.sprites for pool in drawn.pools.values()} == {"objects-drawn"}
    assert drawn.digest() != scenes.digest()
    assert with_pictures(drawn, "objects") == scenes
    with pytest.raises(UsageError, match="no such set"):
        with_pictures(scenes, "clay")
    with pytest.raises(UsageError, match="shows no object pictures"):
        with_pictures(load_recipe("photos"), "objects-drawn")


def test_object_pictures_are_known_by_code_point() -> None:
    from gemvg.training.data.scenes.package import unicode_name

    for one, end in (("objects", "webp"), ("objects-drawn", "png")):
        folder = SETS[one].folder
        assert unicode_name(f"{folder}1f415.{end}", folder) == "dog"
        assert unicode_name(f"{folder}2600-fe0f.{end}", folder) == "black sun with rays"
        assert unicode_name(f"{folder}1f468-200d-1f33e.{end}", folder) == ""
        assert unicode_name(f"package/elsewhere/1f415.{end}", folder) == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tasks": [{"task": "retrieval", "pool": "nowhere", "share": 1}]}, "no pool nowhere"),
        ({"tasks": []}, "tasks"),
        ({"size": 0}, "size"),
        ({"pools": {"p": {}}}, "either"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_recipe_names_its_field(
    change: dict[str, object], words: str, tmp_path: Path
) -> None:
    import yaml

    raw = recipe().model_dump() | change
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(raw))))
    with pytest.raises(DataError, match=words):
        load_recipe(str(tmp_path / "r.yaml"))


PAINTED = {"annotations": "instances.json", "images": "images"}


@pytest.mark.parametrize(
    ("reader", "options", "words"),
    [
        ("mot", {"stride": "often"}, "source s: option stride"),
        ("mot", {"stride": 0}, "option stride"),
        ("mot", {"visible": 0.5}, "Options: stride, visibility"),
        ("lasot", {"stride": None}, "option stride: has no value"),
        ("refcoco", {"splits": "train"}, "option splits"),
        ("views", {"cameras": [1]}, "option cameras"),
        ("star", {"pattern": "{vid}.png"}, "only {video} and {frame}"),
        ("star", {"pattern": "{video"}, "only {video} and {frame}"),
        ("star", {"pattern": "{frame}.png"}, "must stand in it"),
        ("coco", {"stride": 2}, "Options: none"),
    ],
)
def test_a_wrong_option_of_a_reader_is_told_before_anything_is_read(
    reader: str, options: dict[str, object], words: str
) -> None:
    source = {**PAINTED, "reader": reader, "options": options}
    with pytest.raises(ValueError, match=re.escape(words)):
        recipe(sources={"s": source, "painted": {"reader": "coco", **PAINTED}})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"options": {"images": [4, 2]}}, "task reasoning: option images"),
        ({"options": {"images": ["a", 2]}}, "option images"),
        ({"options": {"phrases": "lots"}}, "option phrases"),
        ({"options": {"forms": ["nonsense"]}}, "no form 'nonsense'; there are most-or-fewest"),
        ({"options": {"forms": []}}, "option forms"),
        ({"options": {"cameras": "no"}}, "option cameras"),
        ({"options": {"image": [2, 3]}}, "Options: images"),
        ({"share": float("inf")}, "share"),
    ],
)
def test_a_wrong_option_of_a_task_is_told_before_anything_is_read(
    change: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        recipe(tasks=[{"task": "reasoning", "pool": "painted", "share": 1, **change}])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"splits": {"train": float("nan")}}, "splits"),
        ({"splits": {"train": float("inf"), "val": 1}}, "splits"),
        ({"pools": {"painted": {"sprites": "painted", "sides": [400, 100]}}}, "sides"),
        ({"ready": {"painted": {"reader": "mig", **PAINTED}}}, "painted is a source and"),
    ],
)
def test_numbers_and_names_that_no_build_could_use(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        recipe(**change)


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    place = tmp_path / "run#1 50%25 ?x"
    made = recipe(size=2, tasks=[{"task": "retrieval", "pool": "painted", "share": 1}])
    assert build(made, place, make_coco(tmp_path / "data"), workers=1).samples == 2


def test_a_start_that_was_killed_as_it_counted_its_sources_goes_on(
    data: Path, tmp_path: Path
) -> None:
    made = recipe(size=2, tasks=[{"task": "retrieval", "pool": "painted", "share": 1}])
    whole = build(made, tmp_path / "whole", data, workers=1)
    manifest = json.loads((tmp_path / "whole" / "dataset.json").read_text())
    (tmp_path / "torn" / "work").mkdir(parents=True)
    body = json.dumps(manifest | {"complete": False})
    (tmp_path / "torn" / "dataset.json").write_text(body)
    (tmp_path / "torn" / "work" / "skips.json").write_text("")
    assert build(made, tmp_path / "torn", data, workers=1) == whole


def test_workshop_place_names(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path / "work", tmp_path)
    assert place.shard(Chunk(3, 0, 100)).name == "03-00000000-00000100.jsonl"
