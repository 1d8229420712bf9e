"""The paper's recipe, built small from tiny sources in the published shapes of all it names."""

import shutil
from pathlib import Path

import pytest

from gemvg.agent.cli.main import run
from gemvg.tools.errors import DataError, UsageError
from gemvg.training.data.build import build
from gemvg.training.data.builders.registry import BUILDERS
from gemvg.training.data.check import check
from gemvg.training.data.folder import DataFolder
from gemvg.training.data.left_out import without
from gemvg.training.data.recipe import Recipe, load_recipe
from tests.training.paper_sources import make_paper_sources

PAPER = {"referential": 97, "semantic": 77, "spatial": 20, "temporal": 46}
"""Samples in thousands (MG-Data-240K by demand)."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_paper_sources(tmp_path_factory.mktemp("paper"))


def small(size: int = 240) -> Recipe:
    return load_recipe("mg-data-240k").model_copy(update={"size": size})


def demands(folder: DataFolder) -> dict[str, int]:
    found: dict[str, int] = {}
    for sample in folder.samples():
        found[sample.demand] = found.get(sample.demand, 0) + 1
    return found


@pytest.mark.slow
def test_the_papers_recipe_builds_in_its_proportions(data: Path) -> None:
    report = build(small(), data / "out", data, workers=1)
    folder = DataFolder(data / "out")
    assert report.short == {} and report.samples == 240
    assert demands(folder) == PAPER
    sources = {name for s in folder.samples() for name in s.source.split(" + ")}
    assert sources >= {"coco", "refcocog", "d3", "egoexo", "mot", "star", "composed"}
    found = check(folder)
    assert [f for f in found.findings if f.kind != "balance"] == []
    assert found.verified == 240


@pytest.mark.slow
def test_without_some_sources_the_demands_keep_their_shares(data: Path) -> None:
    lean = without(small(120), {"egoexo", "mot", "star", "d3", "refcocog"})
    report = build(lean, data / "lean", data, workers=1)
    assert report.samples == 120
    wanted = {demand: count / 2 for demand, count in PAPER.items()}
    found = demands(DataFolder(data / "lean"))
    assert all(abs(found[demand] - count) < 1 for demand, count in wanted.items())


def test_every_pool_of_the_recipe_is_told_apart_by_its_source() -> None:
    recipe = load_recipe("mg-data-240k")
    for name in recipe.sources:
        lean = without(recipe, {name})
        assert name not in lean.sources
        pools = [p for p in lean.pools.values()]
        assert all(name not in (p.records, p.sprites, *p.backgrounds) for p in pools)
        assert all(t.pool in lean.pools and t.paste != name for t in lean.tasks)
        assert sum(lean.quotas()) == recipe.size


@pytest.mark.parametrize("name", ["coco", "refcocog", "d3", "egoexo", "mot", "star"])
def test_shares_move_only_within_their_demand(name: str) -> None:
    recipe = load_recipe("mg-data-240k")
    lean = without(recipe, {name})

    def shares(of: Recipe) -> dict[str, float]:
        totals: dict[str, float] = {}
        for task in of.tasks:
            demand = BUILDERS[task.task].demand
            totals[demand] = totals.get(demand, 0.0) + task.share
        return totals

    before = shares(recipe)
    for demand, share in shares(lean).items():
        assert share == pytest.approx(before[demand])


def test_a_wrong_name_and_an_empty_rest_are_refused() -> None:
    recipe = load_recipe("mg-data-240k")
    with pytest.raises(UsageError, match=r"no source 'lasot'.*coco, refcocog"):
        without(recipe, {"lasot"})
    with pytest.raises(UsageError, match="no task without"):
        without(recipe, set(recipe.sources))


def test_missing_sources_are_named_before_anything_is_read(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(DataError) as error:
        build(small(), out, tmp_path, workers=1)
    text = str(error.value)
    assert "\n" not in text
    assert f"source egoexo: {tmp_path}/egoexo does not exist" in text
    assert f"source star: {tmp_path}/star/STAR_train.json does not exist" in text
    assert "--data" in text and text.endswith("--without coco,refcocog,d3,egoexo,mot,star")
    assert not out.exists()


def test_the_command_line_leaves_sources_out(data: Path, tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.mkdir()
    shutil.copytree(data / "mot", place / "mot")
    shutil.copytree(data / "egoexo", place / "egoexo")
    given = ["data", "build", "mg-data-240k", str(tmp_path / "out"), "--data", str(place)]
    given += ["--size", "12", "--workers", "1"]
    assert run(given) == 2
    assert run([*given, "--without", "coco, refcocog,d3,star"]) == 0
    assert demands(DataFolder(tmp_path / "out")) == {"spatial": 4, "temporal": 8}


def test_a_source_without_a_usable_picture_can_be_left_out_afterwards(
    data: Path, tmp_path: Path
) -> None:
    place, out = tmp_path / "data", tmp_path / "out"
    shutil.copytree(data / "mot", place / "mot")
    (place / "egoexo" / "take").mkdir(parents=True)
    (place / "egoexo" / "take" / "annotation.json").write_text('{"masks": {}}')
    left = without(small(8), {"coco", "refcocog", "d3", "star"})
    with pytest.raises(DataError, match=r"egoexo: no usable picture in .*--without egoexo"):
        build(left, out, place, workers=1)
    assert build(without(left, {"egoexo"}), out, place, workers=1).samples == 8
