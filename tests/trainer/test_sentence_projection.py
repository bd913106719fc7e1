"""The trainer of projections, on a tiny sentence encoder and a tiny face encoder."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from clipface import weights
from clipface.assets import resolve
from clipface.guidance import GuidanceConfig
from clipface.guidance.encoder import build_face_encoder, save_face_encoder
from clipface.guidance.tokenizer import split
from clipface.synthetic import vocabulary
from clipface.synthetic.taught import Phrase, read_phrases
from trainer.run import TrainerConfig
from trainer.sentence_projection import SentenceProjectionConfig, build, load_face_encoder, train

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "guidance"))
from test_paraphrases import FUNCTION_WORDS  # noqa: E402
from tiny_sentences import write_bert  # noqa: E402

MODEL = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 4, "head_width": 8, "patch_size": None},
    "text_cfg": {"context_length": 32, "width": 16, "heads": 2, "layers": 1},
}
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


def test_no_word_of_a_paraphrase_is_learnt():
    measured = {word for row in read_phrases(resolve("paraphrases")) for word in split(row.phrase)} - FUNCTION_WORDS
    learnt = {word for row in read_phrases(resolve("synonyms")) for word in split(row.phrase)}
    assert not measured & learnt


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
    module.prototypes[looks] = module.projection(sexes.sentences).detach()  # as near as can be
    assert torch.equal(module.loss(texts), before)


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
