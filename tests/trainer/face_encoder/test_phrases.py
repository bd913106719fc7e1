"""Images of which only phrases are known, and random people of the generator, as a face encoder learns from them."""

import random

import numpy as np
import pytest
import torch
from PIL import Image

from clipface.edit.loading import load_avatar
from clipface.guidance.encoder import build_face_encoder
from clipface.settings import HeadConfig, RendererConfig
from clipface.synthetic import PaintedFaces, vocabulary
from clipface.synthetic.attributes import CHOICES
from clipface.synthetic.words.captions import caption
from trainer.face_encoder.config import PaintingConfig, PhotographsConfig
from trainer.face_encoder.data import EncoderFaces
from trainer.face_encoder.generated import GeneratedFaces
from trainer.face_encoder.phrases import (
    Phrases,
    contradicting,
    phrase_caption,
    read_phrased_images,
    read_phrases,
    validation_phrases,
)
from trainer.face_encoder.scores import phrase_scores

SAID = ("smiling", "person wearing sunglasses", "sunglasses", "plue hair", "young child irish")
MODEL = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 32, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture
def table(tmp_path):
    """Twenty images of four phrases; the first image has two."""
    rows = [f"p/{i}.jpg,{SAID[i % 5]}" for i in range(20)]
    (tmp_path / "phrases.csv").write_text("file,phrase\n" + "\n".join([*rows, "p/0.jpg,green background"]))
    (tmp_path / "p").mkdir()
    for i in range(20):
        Image.new("RGB", (33, 32), (10 * i, 0, 0)).save(tmp_path / "p" / f"{i}.jpg")
    return tmp_path / "phrases.csv"


def test_phrases_are_read_without_children_and_misread_letters(table):
    phrases = read_phrases(table)
    assert phrases["p/0.jpg"] == ("smiling", "green background") and phrases["p/3.jpg"] == ("blue hair",)
    assert "p/4.jpg" not in phrases and len(phrases) == 16
    with pytest.raises(FileNotFoundError, match="phrases"):
        read_phrases(table.parent / "none.csv")


def test_one_image_of_each_common_phrase_is_never_trained_on(table):
    phrases = read_phrases(table)
    asked = validation_phrases(phrases)
    assert sorted(asked.values()) == sorted(SAID[:2] + ("sunglasses", "blue hair"))  # one image is too few
    assert asked == validation_phrases(dict(reversed(phrases.items())))
    trained, validation = (read_phrased_images(table, phrases, 16, held) for held in (False, True))
    assert len(trained.phrases) == 12 and len(validation.phrases) == 4
    assert trained.images.shape == (12, 4, 16, 16) and int(trained.images[:, 3].min()) == 255
    (table.parent / "p" / "0.jpg").unlink()
    with pytest.raises(FileNotFoundError, match="p/0.jpg"):
        read_phrased_images(table, phrases, 16, "p/0.jpg" in asked)


def test_a_phrase_denies_others_but_not_one_that_says_more_or_less_of_the_same(table):
    phrases = Phrases(read_phrases(table))
    number = phrases.numbers
    own = torch.tensor([[number["sunglasses"]] * 2, [number["smiling"], number["green background"]], [0, 0]])
    said = torch.tensor([number["person wearing sunglasses"], number["green background"], 0])
    assert contradicting(phrases.apart, own, said).tolist() == [
        [False, True, False], [True, False, False], [False, False, False]
    ]  # fmt: skip


def test_phrases_become_captions():
    found = {phrase_caption("person with green eyes", random.Random(seed)) for seed in range(60)}
    assert {"a photo of a person with green eyes", "person with green eyes"} < found


def test_words_tell_what_is_known_of_a_phrase_s_image():
    encoder = build_face_encoder(MODEL, vocabulary())
    faces = EncoderFaces(0, PaintingConfig(captions=2), PhotographsConfig(), None, encoder)
    agreement = faces.count_agreement(6000, torch.device("cpu"))
    texts = ["old man", "a photo of a smiling woman", "green background"]
    implied = agreement.implied(encoder.tokenizer(texts), ("sex", "age", "expression"))
    told = [{pair for pair, column in agreement.columns.items() if row[column]} for row in implied]
    assert {("sex", "man"), ("age", "old")} <= told[0] and ("sex", "woman") in told[1] and not told[2]


def test_a_chunk_holds_phrases_and_an_encoder_is_scored_by_them(table):
    avatar = load_avatar(None, HeadConfig(), RendererConfig())
    encoder = build_face_encoder(MODEL, [*vocabulary(), "sunglasses", "background"])
    painting = PaintingConfig(captions=3, size=32, texture_size=64)
    config = PhotographsConfig(phrases=str(table), phrase_share=0.25)
    painter = PaintedFaces(avatar.head, avatar.renderer, 64)
    generated = GeneratedFaces(avatar, 0.7)
    faces = EncoderFaces(0, painting, config, painter, encoder, generated, 0.25)
    agreement = faces.count_agreement(8, torch.device("cpu"))
    first, again = faces.chunk(3, 8, agreement), faces.chunk(3, 8, agreement)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert first.images.shape == (8, 4, 32, 32)
    assert (first.phrases > 0).all(1).tolist() == [False] * 4 + [True] * 2 + [False] * 2
    assert first.values[:4].sum(1).eq(len(CHOICES)).all() and first.values[6:].sum(1).le(4).all()
    found = phrase_scores(encoder.eval(), faces.validation_phrased, faces.phrases)
    assert 0 <= found["phrases/of_20"] <= 1


def test_random_people_with_looks_say_only_what_is_known_of_them():
    generated, rng = GeneratedFaces(load_avatar(None, HeadConfig(), RendererConfig()), 0.7), random.Random(0)
    images, faces, unknown = generated.sample(10, rng, 32, 20.0, (1.0, 1.2))
    assert images.shape == (10, 4, 32, 32) and 0.1 < images[:, 3].mean() < 0.9
    assert images[:, 3].amax() == 1 and np.isfinite(images.numpy()).all()
    assert all("sex" in names and "expression" not in names for names in unknown)
    assert len({face.look for face in faces}) > 1
    said = " ".join(caption(face, rng, names) for face, names in zip(faces, unknown, strict=True) for _ in range(40))
    plain = " ".join(
        caption(faces[i], rng, unknown[i]) for i in range(10) if faces[i].look == "none" for _ in range(40)
    )
    assert said and not {"man", "woman", "old", "young"} & set(plain.split())
