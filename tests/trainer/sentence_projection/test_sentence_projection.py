"""The trainer of projections, on a tiny sentence encoder and a tiny face encoder."""

from collections import Counter
from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from clipface import weights
from clipface.assets import resolve
from clipface.guidance.encoder import build_face_encoder, save_face_encoder
from clipface.settings import GuidanceConfig
from clipface.synthetic import vocabulary
from clipface.synthetic.words.trained_phrases import Phrase, plain_form, read_phrases
from scripts.measure.fuzzing.bert import write_bert  # noqa: E402
from trainer.common.config import TrainerConfig
from trainer.sentence_projection.config import SentenceProjectionConfig
from trainer.sentence_projection.data import VALUES, value_changes
from trainer.sentence_projection.train import build, load_face_encoder, train

MODEL = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 4, "head_width": 8, "patch_size": None},
    "text_cfg": {"context_length": 32, "width": 16, "heads": 2, "layers": 1},
}
FRESH = read_phrases(resolve("paraphrases_fresh"))
PHRASES = [Phrase("look", "zombie", "cadaver"), Phrase("look", "ghost", "wraith"), Phrase("sex", "man", "uncle")]


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> SentenceProjectionConfig:
    folder = tmp_path_factory.mktemp("encoders")
    torch.manual_seed(0)
    face = save_face_encoder(folder / "mine.safetensors", build_face_encoder(MODEL, vocabulary()).freeze(), MODEL)
    return SentenceProjectionConfig(
        batch_size=24, hidden=8, captions=12, dropout=0.0, noise=0.0, sentence_encoder=str(write_bert(folder)),
        guidance=GuidanceConfig(weights=str(face)), trainer=TrainerConfig(steps=2, log_every=1),
    )  # fmt: skip


def test_no_phrase_that_measures_is_learnt():
    measured = {plain_form(row.phrase) for row in [*read_phrases(resolve("paraphrases")), *FRESH]}
    assert not measured & {plain_form(row.phrase) for row in read_phrases(resolve("synonyms"))}


def test_a_phrase_is_learnt_once_and_for_one_value_of_its_attribute():
    rows = [(row.attribute, plain_form(row.phrase)) for row in read_phrases(resolve("synonyms"))]
    assert len(rows) == len(set(rows)) and all(form for _, form in rows)


def test_every_value_is_learnt_and_measured_by_fresh_phrases():
    learnt = Counter((row.attribute, row.value) for row in read_phrases(resolve("synonyms")))
    assert set(learnt) == set(VALUES) and min(learnt.values()) >= 100
    assert Counter((row.attribute, row.value) for row in FRESH) == dict.fromkeys(VALUES, 4)


def test_plain_forms():
    assert plain_form("The Witches' cat, Tess") == plain_form("a witche cat tess") == "witche cat tess"
    assert plain_form("Michelangelo's David") == plain_form("Michelangelos David")
    assert plain_form(":-)") == ""


def test_unknown_values_are_refused(tmp_path):
    (tmp_path / "bad.csv").write_text("attribute,value,phrase\nlook,gnome,bearded dwarf\n")
    with pytest.raises(ValueError, match="bad.csv.*gnome"):
        read_phrases(tmp_path / "bad.csv")


def test_steps_lower_the_loss_and_only_the_projection_is_kept(config):
    torch.manual_seed(0)
    module = build(config, PHRASES)
    assert all(name.startswith("projection.") for name in module.state_dict())
    optimizer = module.configure_optimizers()
    first = module.training_step(0, 0)
    first.backward()
    optimizer.step()
    assert module.training_step(0, 0) < first - 1e-3


def test_a_phrase_is_told_from_other_values_of_its_own_attribute_only(config):
    module = build(replace(config, contrast_weight=1.0), PHRASES).eval()
    phrases = module.phrases
    sexes = phrases._replace(**{name: part[-1:] for name, part in phrases._asdict().items()})  # uncle
    captions = module.captions._replace(**{name: part[:2] for name, part in module.captions._asdict().items()})
    texts = type(phrases)(*(torch.cat([a, b]) for a, b in zip(captions, sexes, strict=True)))
    before = module.loss(texts)
    looks = [row for row, rivals in enumerate(module.rivals) if not rivals[sexes.values[0]]]
    found = module.projection(sexes.sentences).detach()
    module.prototypes[looks] = found  # as near as can be
    module.changes[looks] = functional.normalize(found - module.source, dim=-1)
    assert torch.equal(module.loss(texts), before)
    module.changes[VALUES.index(("sex", "woman"))] = functional.normalize(found - module.source, dim=-1)
    assert module.loss(texts) > before


def test_changes_are_from_the_mean_of_an_attributes_values():
    features = torch.randn(len(VALUES), 3, generator=torch.Generator().manual_seed(0))
    man, woman = (VALUES.index(("sex", value)) for value in ("man", "woman"))
    changes = value_changes(features)
    assert torch.allclose(changes[man], functional.normalize(features[man] - features[woman], dim=0), atol=1e-6)
    assert torch.allclose(changes.norm(dim=1), torch.ones(len(VALUES)), atol=1e-6)


def test_a_run_writes_what_guidance_reads(config, tmp_path, monkeypatch):
    monkeypatch.setattr("trainer.sentence_projection.train.read_phrases", lambda path: PHRASES)
    assert train(config, tmp_path).status == "done" and not (tmp_path / "last.ckpt").exists()
    tensors, described = weights.load(tmp_path / "mine_sentences.safetensors")
    assert described["features"] == 16 and tensors["linear.weight"].shape == (16, 8)


def test_other_encoders_are_refused(config):
    for wrong in (GuidanceConfig(model="ViT-B-32"), GuidanceConfig(text="sentences")):
        with pytest.raises(ValueError, match="guidance.*text=words"):
            load_face_encoder(replace(config, guidance=wrong))
