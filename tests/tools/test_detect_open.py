"""Open vocabularies: text features from tables and encoders, YOLO-World, YOLOE, OWL-ViT."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gemvg.tools.boxes import Box
from gemvg.tools.detectors import Scene, load_detector
from gemvg.tools.detectors import text_features as text_features_module
from gemvg.tools.detectors.network import NetworkSettings
from gemvg.tools.detectors.runtime import ultralytics_tasks
from gemvg.tools.detectors.text_features import EncoderFeatures, TableFeatures, text_features
from gemvg.tools.detectors.yolo_world import OpenYoloDetector
from gemvg.tools.detectors.zero_shot import ZeroShotDetector, word_of_phrase
from gemvg.tools.errors import GemvgError, UsageError, WeightsError
from tests.shared import SHARED, needs_shared


def noise_scene(seed: int = 0, width: int = 320, height: int = 200) -> Scene:
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    return Scene(f"noise{seed}", Box(0, 0, width, height), image.resize)


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    folder = tmp_path / "tables"
    folder.mkdir()
    rows = np.random.default_rng(0).normal(size=(3, 512)).astype(np.float16)
    np.save(folder / "mine.npy", rows)
    (folder / "mine.txt").write_text("raccoon\nsofa\ntraffic cone\n")
    np.save(folder / "lvis_v1_x.npy", rows[:2] * 3)
    names = [
        {"name": "bow_(weapon)", "synonyms": ["bow_(weapon)", "longbow"]},
        {"name": "raccoon", "synonyms": []},
    ]
    (folder / "lvis_v1_info.json").write_text(json.dumps(names))
    return folder


def test_tables_are_read_in_their_forms(tables: Path) -> None:
    text = TableFeatures(tables)
    assert set(text.words) == {"raccoon", "sofa", "traffic cone", "bow"}
    for word, own in [
        ("raccoons", "raccoon"),
        ("couch", "sofa"),
        ("longbows", "bow"),
        ("orange traffic cone", "traffic cone"),
    ]:
        assert text.resolve(word).classes == (own,)
    assert text.resolve("unicorn").classes == ()
    rows = text.features(["sofa", "bow"])
    assert rows.shape == (2, 512)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_a_table_that_does_not_fit_is_said(tables: Path) -> None:
    (tables / "mine.txt").write_text("one\ntwo\n")
    with pytest.raises(WeightsError, match="3 rows and its list has 2 words"):
        TableFeatures(tables)
    (tables / "mine.npy").write_bytes(b"no array")
    with pytest.raises(WeightsError, match=r"mine\.npy"):
        TableFeatures(tables)


def test_without_a_setting_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMVG_CLIP_TEXT", raising=False)
    with pytest.raises(UsageError, match="GEMVG_CLIP_TEXT"):
        text_features()
    monkeypatch.setenv("GEMVG_OFFLINE", "1")
    with pytest.raises(GemvgError, match="GEMVG_CLIP_TEXT"):
        load_detector("yolov8s-world")


@needs_shared
def test_the_public_tables_name_everyday_and_rare_things() -> None:
    text = TableFeatures(SHARED / "clip_text")
    assert len(text.words) > 1300
    assert text.resolve("parasols").classes == ("parasol",)
    assert text.resolve("aerosol cans").classes == ("aerosol can",)
    dog, puppy, bus = text.features(["dog", "puppy", "school bus"])
    assert dog @ puppy > dog @ bus


@pytest.mark.parametrize(
    ("kind", "config"), [("WorldModel", "yolov8n-world.yaml"), ("YOLOEModel", "yoloe-v8n.yaml")]
)
def test_a_network_is_told_its_words(
    kind: str, config: str, tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMVG_CACHE", str(tmp_path))
    torch.manual_seed(0)
    network = getattr(ultralytics_tasks(), kind)(config, nc=80, verbose=False).eval()
    detector = OpenYoloDetector("toy", network, TableFeatures(tables), NetworkSettings(side=128))
    assert detector.vocabulary == "open"
    for labels in (("raccoon",), ("sofa", "bow", "raccoon"), ("raccoon",), ()):
        (found,) = detector.detect([noise_scene()], labels, 0.0)
        assert found
        assert {d.label for d in found} <= set(labels or detector.classes)
        assert all(d.box.clip(320, 200) == d.box for d in found)
    other = detector.detect([noise_scene(), noise_scene(1)], ("bow",), 0.0)
    assert {d.label for d in [*other[0], *other[1]]} == {"bow"}
    with pytest.raises(UsageError, match="no text features for 'unicorn'"):
        detector.detect([noise_scene()], ("unicorn",), 0.1)


def tiny_clip_tokenizer(folder: Path) -> None:
    """A CLIP tokenizer of single letters."""
    from transformers import CLIPTokenizer

    letters = [chr(c) for c in range(33, 127)]
    # OWL-ViT takes a query whose first token is 0 for padding, so 0 is no word.
    words = [
        "<|none|>",
        "<|startoftext|>",
        "<|endoftext|>",
        *letters,
        *(f"{c}</w>" for c in letters),
    ]
    vocab = {word: i for i, word in enumerate(words)}
    CLIPTokenizer(vocab=vocab, merges=[], model_max_length=16).save_pretrained(folder)


TEXT = {
    "hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 2, "num_attention_heads": 4,
    "max_position_embeddings": 16, "vocab_size": 191, "bos_token_id": 1, "eos_token_id": 2,
    "pad_token_id": 2,
}  # fmt: skip


def test_a_text_encoder_knows_any_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    torch.manual_seed(0)
    model = CLIPTextModelWithProjection(CLIPTextConfig(**TEXT, projection_dim=24))
    model.save_pretrained(tmp_path)
    tiny_clip_tokenizer(tmp_path)
    monkeypatch.setenv("GEMVG_CLIP_TEXT", str(tmp_path))
    text = text_features()
    assert isinstance(text, EncoderFeatures)
    assert text.words == ()
    assert text.resolve("The Unicorns").classes == ("unicorns",)
    rows = text.features(["unicorn", "gnu", "unicorn"])
    assert rows.shape == (3, 24)
    assert np.array_equal(rows[0], rows[2])
    assert not np.allclose(rows[0], rows[1])
    assert np.allclose(text.features(["gnu"])[0], rows[1], atol=1e-5)
    monkeypatch.setattr(text_features_module, "MOST_WORDS", 3)
    for word in ("emu", "yak", "auk", "owl"):
        text.features(["gnu", word])
    assert len(text._kept) <= 3
    assert np.allclose(text.features(["unicorn"])[0], rows[0], atol=1e-5)


@pytest.fixture(scope="module")
def owl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny OWL-ViT, built from a config, with its processor."""
    from transformers import (
        AutoTokenizer,
        OwlViTConfig,
        OwlViTForObjectDetection,
        OwlViTImageProcessor,
        OwlViTProcessor,
    )

    folder = tmp_path_factory.mktemp("tiny-owl")
    torch.manual_seed(0)
    vision = {
        "hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 2,
        "num_attention_heads": 4, "image_size": 64, "patch_size": 16,
    }  # fmt: skip
    config = OwlViTConfig(text_config=TEXT, vision_config=vision, projection_dim=32)
    OwlViTForObjectDetection(config).save_pretrained(folder)
    tiny_clip_tokenizer(folder)
    size = {"height": 64, "width": 64}
    OwlViTProcessor(
        OwlViTImageProcessor(size=size, crop_size=size), AutoTokenizer.from_pretrained(folder)
    ).save_pretrained(folder)
    return folder


def test_a_zero_shot_model_needs_no_ultralytics(owl_folder: Path) -> None:
    detector = load_detector(str(owl_folder))
    assert load_detector(str(owl_folder)) is detector
    assert (detector.vocabulary, detector.name) == ("open", owl_folder.name)
    assert detector.resolve("Red Unicorns").classes == ("red unicorns",)
    window = Box(40, 20, 3000, 2220)
    big = Scene("big", window, lambda size: noise_scene(7).render(size))
    model = ZeroShotDetector(str(owl_folder))
    results = model.detect([noise_scene(), big], ("gnu", "red unicorns"), 0.0)
    assert all(results)
    for found, where in zip(results, (Box(0, 0, 320, 200), window), strict=True):
        assert {d.label for d in found} <= {"gnu", "red unicorns"}
        assert [d.score for d in found] == sorted((d.score for d in found), reverse=True)
        assert all(d.box.is_valid and d.box.intersect(where) == d.box for d in found)
    assert detector.detect([noise_scene()], ("gnu", "red unicorns"), 1.0) == [[]]


def test_a_folder_without_a_model_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="not a zero-shot detection model") as caught:
        load_detector(str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("phrase", "word"),
    [
        ("cell phone", "cell phone"),
        ("phone", "cell phone"),
        ("dog cell", "dog"),
        ("", None),
        ("tree", None),
    ],
)
def test_a_phrase_read_back_finds_its_word(phrase: str, word: str | None) -> None:
    assert word_of_phrase(phrase, ["dog", "cell phone"]) == word


@pytest.mark.parametrize(
    "named", ["~no-such-user-here/a.pt", "~no-such-user-here/a", "x" * 5000 + ".pt", "x" * 5000]
)
def test_a_name_that_leads_nowhere_is_a_users_mistake(named: str, monkeypatch) -> None:
    with pytest.raises(UsageError, match=r"no (weights at|detector)"):
        load_detector(named)
    monkeypatch.setenv("GEMVG_CLIP_TEXT", named)
    with pytest.raises(WeightsError, match="can't be looked into"):
        text_features()
