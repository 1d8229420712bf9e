"""Keys: they change with whatever an answer depends on, and with nothing else."""

import json
import shutil
from pathlib import Path

import pytest

from gemvg.agent import GroundingAgent
from gemvg.agent.batch.engine import make_engine
from gemvg.agent.batch.job import run_batch
from gemvg.agent.batch.key import line_key, policy_revision, settings_fingerprint
from gemvg.agent.batch.worker import LineWorker, WorkerSpec
from gemvg.agent.rules import EscalationRules, save_rules
from gemvg.agent.settings import AskSettings
from gemvg.policy.presets import PRESETS
from gemvg.policy.scripted import ScriptedPolicy
from tests.agent.batch_jobs import job, lines_of, write_pictures

POLICY = ScriptedPolicy(["[]"])


@pytest.fixture(autouse=True)
def plain(tmp_path, monkeypatch):
    """No settings from anywhere."""
    monkeypatch.setenv("GEMVG_CALIBRATION", str(tmp_path / "calibration.json"))
    for name in ("GEMVG_CLIP_TEXT", "GEMVG_MAX_PIXELS", "GEMVG_DETECTOR", "GEMVG_OPEN_DETECTOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def model(tmp_path):
    """A model's folder."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes(3_000_000))
    return folder


def fingerprint(rules=None, **options):
    return settings_fingerprint(AskSettings.model_validate(options), POLICY, rules)


def make_agent(settings):
    return GroundingAgent(POLICY, tools=settings.tools)


def test_what_is_as_by_default_leaves_the_key_as_it_was(monkeypatch):
    """Whoever has results keeps them."""
    before = fingerprint()
    monkeypatch.setenv("GEMVG_CLIP_TEXT", " ")
    for rules in (EscalationRules(), EscalationRules(calibrated=True)):
        assert fingerprint(rules) == before


def test_a_changed_folder_is_another_model_wherever_it_runs(model):
    spec = WorkerSpec(AskSettings.model_validate({"policy": str(model)}))
    inside = make_engine("vllm", spec)._spec.settings.policy
    names = [str(model), f" {model} ", f"vllm:{model}", f"VLLM:{model}", inside]
    before = {policy_revision(name) for name in names}
    assert len(before) == 1 and None not in before
    with (model / "model.safetensors").open("r+b") as file:
        file.write(b"trained")
    after = {policy_revision(name) for name in names}
    assert len(after) == 1 and None not in after and after != before
    assert fingerprint(policy=f"vllm:{model}") == fingerprint(policy=str(model))


@pytest.mark.parametrize("name", ["nano", "NANO", "vllm:nano"])
def test_a_preset_that_comes_with_the_package_counts_by_its_weights(name, tmp_path, monkeypatch):
    before = policy_revision(name)
    assert before == policy_revision(str(PRESETS["nano"].folder))
    fresh = tmp_path / "nano_4m"
    shutil.copytree(PRESETS["nano"].folder, fresh)
    monkeypatch.setattr(type(PRESETS["nano"]), "folder", property(lambda self: fresh))
    assert policy_revision(name) == before
    with (fresh / "model.safetensors").open("ab") as file:
        file.write(b"more")
    assert policy_revision(name) not in (before, None)


def test_a_folder_comes_before_a_preset_of_its_name(model, monkeypatch):
    """As `load_policy` has it."""
    monkeypatch.chdir(model.parent)
    model.rename("nano")
    assert policy_revision("nano") != policy_revision(str(PRESETS["nano"].folder))


@pytest.mark.parametrize(
    "name", ["planner", "qwen3-vl", "Qwen/Qwen3-VL-8B-Instruct", "http://a/v1,http://b/v1", "x\0y"]
)
def test_what_has_no_folder_counts_by_name(name):
    assert policy_revision(name) is None


def test_calibrating_asks_again():
    found = {fingerprint(rules) for rules in (None, EscalationRules(0.5), EscalationRules(0.6))}
    found.add(fingerprint(EscalationRules(count_check=False)))
    assert len(found) == 4
    spec = WorkerSpec(AskSettings.model_validate({"tools": "none"}), make_agent=make_agent)
    before = LineWorker(spec).fingerprint
    assert before == fingerprint(tools="none")
    save_rules(POLICY, EscalationRules(0.7, calibrated=True), {})
    assert LineWorker(spec).fingerprint == fingerprint(EscalationRules(0.7), tools="none")
    assert LineWorker(spec).fingerprint != before


def test_text_features_count_where_words_are_looked_for(tmp_path, monkeypatch):
    def found():
        return fingerprint(tools="none"), fingerprint(tools="detect")

    (tmp_path / "coco.npy").write_bytes(b"table")
    seen = [found()]
    monkeypatch.setenv("GEMVG_CLIP_TEXT", "openai/clip-vit-base-patch32")
    seen.append(found())
    monkeypatch.setenv("GEMVG_CLIP_TEXT", str(tmp_path))
    seen.append(found())
    (tmp_path / "coco.npy").write_bytes(b"other")
    seen.append(found())
    assert len({none for none, _ in seen}) == 1
    assert len({detect for _, detect in seen}) == 4


def test_the_size_of_what_a_model_sees_counts(monkeypatch):
    before = fingerprint()
    monkeypatch.setenv("GEMVG_MAX_PIXELS", "500000")
    assert fingerprint() != before


def test_a_detectors_file_counts_by_its_content(tmp_path):
    weights = Path(tmp_path / "own.pt")
    weights.write_bytes(b"one")
    before = fingerprint(detector=str(weights))
    weights.write_bytes(b"two")
    assert fingerprint(detector=str(weights)) != before


def test_a_question_that_names_files_is_asked_again_where_their_names_are_swapped(tmp_path):
    def line(custom_id, *images, query="find 0.png in 1.png"):
        return json.dumps({"custom_id": custom_id, "query": query, "images": images}) + "\n"

    def swap():
        (tmp_path / "0.png").rename(tmp_path / "x.png")
        (tmp_path / "1.png").rename(tmp_path / "0.png")
        (tmp_path / "x.png").rename(tmp_path / "1.png")

    write_pictures(tmp_path, 2)
    plain = line("plain", "0.png", "1.png", query="every dog")
    (tmp_path / "in.jsonl").write_text(line("named", "0.png", "1.png") + plain)
    assert run_batch(job(tmp_path)).answered == 2
    swap()
    # The same pictures in the same order under other names, and the question says which.
    turned = line("plain", "1.png", "0.png", query="every dog")
    (tmp_path / "in.jsonl").write_text(line("named", "1.png", "0.png") + turned)
    again = run_batch(job(tmp_path))
    assert (again.answered, again.known) == (1, 1)
    (old,) = lines_of(tmp_path / "out.superseded.jsonl")
    assert json.loads(old)["custom_id"] == "named"


def test_a_question_without_files_keeps_its_key():
    names = ["crop.png", "full.png"]
    assert line_key("f", "every dog", ["1", "2"]) == line_key("f", "every dog", ["1", "2"], names)
    assert line_key("f", "every dog", ["1", "2"]) == (
        "a36d1277b5c28a74fb20f342ba64db74c3857b7c8479df3339d041ee89cdaaf0"
    )


def test_hosts_that_may_be_asked_change_no_answer():
    assert fingerprint(url_hosts="a.example.org", allow_urls=True) == fingerprint()


@pytest.mark.parametrize("variable", ["GEMVG_CLIP_TEXT", "GEMVG_DETECTOR"])
def test_the_home_of_nobody_is_no_folder(variable, monkeypatch):
    monkeypatch.setenv(variable, "~nobody-of-this-name/x")
    assert fingerprint() != ""
