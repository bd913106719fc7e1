"""The trainer of projections, on a tiny sentence encoder and a tiny face encoder."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from clipface import weights
from clipface.assets import resolve
from clipface.guidance import GuidanceConfig
from clipface.guidance.encoder import build_face_encoder, save_face_encoder
from clipface.guidance.tokenizer import split
from clipface.synthetic import vocabulary
from clipface.synthetic.taught import Phrase, read_phrases
from trainer.run import TrainerConfig
from trainer.sentence_projection import SentenceProjectionConfig, build, load_face_encoder, train
from trainer.sentence_texts import VALUES, value_changes

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "guidance"))
from test_paraphrases import FUNCTION_WORDS  # noqa: E402
from tiny_sentences import write_bert  # noqa: E402

MODEL = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 4, "head_width": 8, "patch_size": None},
    "text_cfg": {"context_length": 32, "width": 16, "heads": 2, "layers": 1},
}
ENDINGS = ("ies", "ing", "ed", "es", "ish", "ly", "er", "ie", "s", "y", "e", "d")
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


def _forms(word: str) -> set[str]:
    """A word and what is left of it without an ending: snogging, snogg, snog."""
    stems = {word.removesuffix(ending) for ending in ENDINGS}
    stems |= {stem[:-1] for stem in stems if len(stem) > 3 and stem[-1] == stem[-2]}
    return {stem for stem in stems if len(stem) >= 3} | {word}


def test_no_word_of_a_paraphrase_is_learnt_in_any_form():
    measured = {word for row in read_phrases(resolve("paraphrases")) for word in split(row.phrase)} - FUNCTION_WORDS
    learnt = {word for row in read_phrases(resolve("synonyms")) for word in split(row.phrase)} - FUNCTION_WORDS
    forms = {form for word in measured for form in _forms(word)}
    assert not {word for word in learnt if _forms(word) & forms}


def test_a_phrase_is_learnt_once_for_each_value():
    rows = [(row.attribute, row.value, row.phrase.lower()) for row in read_phrases(resolve("synonyms"))]
    assert len(rows) == len(set(rows))


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
    monkeypatch.setattr("trainer.sentence_projection.read_phrases", lambda path: PHRASES)
    path = train(config, tmp_path)
    assert path.name == "mine_sentences.safetensors" and not (tmp_path / "last.ckpt").exists()
    tensors, described = weights.load(path)
    assert described["features"] == 16 and tensors["linear.weight"].shape == (16, 8)


def test_other_encoders_are_refused(config):
    for wrong in (GuidanceConfig(model="ViT-B-32"), GuidanceConfig(text="sentences")):
        with pytest.raises(ValueError, match="guidance.*text=words"):
            load_face_encoder(replace(config, guidance=wrong))
