"""The face encoder's trainer, on a tiny network and a handful of painted faces."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from PIL import Image

from clipface.guidance import load_encoder
from clipface.guidance.encoder import build_face_encoder
from clipface.settings import GuidanceConfig
from clipface.synthetic import PaintedFaces, vocabulary
from trainer.common.callbacks import Checkpoint
from trainer.common.config import TrainerConfig
from trainer.common.run import DONE, fit
from trainer.face_encoder.config import FaceEncoderConfig, PaintingConfig, PhotographsConfig
from trainer.face_encoder.data import CaptionedImages, EncoderFaces, ImageCache
from trainer.face_encoder.module import FaceEncoderModule
from trainer.face_encoder.train import build, train

MODEL = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 4, "head_width": 8, "patch_size": None},
    "text_cfg": {"context_length": 32, "width": 16, "heads": 2, "layers": 1},
}
CONFIG = FaceEncoderConfig(
    batch_size=4,
    model=MODEL,
    painting=PaintingConfig(images=8, chunk=4, renew_every=2, captions=2, size=32, texture_size=64, validation=4),
    trainer=TrainerConfig(steps=4, log_every=1),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[FaceEncoderModule, Path]:
    """A short run as the command line starts it: the trained module and the run's folder."""
    folder = tmp_path_factory.mktemp("run")
    logger = {"_target_": "pytorch_lightning.loggers.CSVLogger", "name": "", "version": ""}
    return train(replace(CONFIG, logger=logger, trainer=replace(CONFIG.trainer, steps=1)), folder).module, folder


@pytest.fixture(scope="module")
def painter(run) -> PaintedFaces:
    return run[0].faces.painter


def module_with(painter: PaintedFaces, config: FaceEncoderConfig = CONFIG) -> FaceEncoderModule:
    pl.seed_everything(config.seed, verbose=False)
    encoder = build_face_encoder(config.model, vocabulary())
    faces = EncoderFaces(config.seed, config.painting, config.photographs, painter, encoder)
    return FaceEncoderModule(config, faces, encoder)


def test_one_step_lowers_the_loss_on_a_fixed_batch(painter):
    module = module_with(painter)
    module.on_fit_start()
    painted = module.faces.chunk(0, 8, module.agreement)
    images, tokens = painted.images[:, :3].float() / 255, painted.tokens[:, 0].long()
    apart = ~torch.eye(8, dtype=torch.bool)
    optimizer = module.configure_optimizers()
    loss = module.loss(images, tokens, apart)
    loss.backward()
    optimizer.step()
    assert module.loss(images, tokens, apart) < loss - 1e-3


def test_resuming_continues_exactly(painter, tmp_path):
    class Copy(pl.Callback):
        """Keep the checkpoint of the second step."""

        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            if batch_idx == 1:
                shutil.copy(tmp_path / "last.ckpt", tmp_path / "second.ckpt")

    whole = module_with(painter)
    arguments = {"folder": tmp_path, "seed": 0}
    fit(whole, range(4), config=CONFIG.trainer, callbacks=[Checkpoint(tmp_path, 2), Copy()], **arguments)
    kept = torch.load(tmp_path / "second.ckpt", weights_only=True)["state_dict"]
    assert set(kept) == {f"encoder.model.{name}" for name in whole.encoder.model.state_dict()}

    resumed = module_with(painter)
    fit(resumed, range(4), config=replace(CONFIG.trainer, resume=str(tmp_path / "second.ckpt")), **arguments)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert any(not torch.equal(kept[name], value) for name, value in whole.state_dict().items())


def test_a_checkpoint_of_another_encoder_is_refused(painter, tmp_path):
    other = {**MODEL, "text_cfg": {**MODEL["text_cfg"], "layers": 2}}
    fit(module_with(painter, replace(CONFIG, model=other)), range(1), config=replace(CONFIG.trainer, steps=1),
        folder=tmp_path, seed=0, callbacks=[Checkpoint(tmp_path, 0)])  # fmt: skip
    with pytest.raises(ValueError, match="checkpoint.*not known"):
        fit(module_with(painter), range(4), config=replace(CONFIG.trainer, resume=str(tmp_path / "last.ckpt")),
            folder=tmp_path, seed=0)  # fmt: skip


def test_a_run_writes_an_encoder_that_loads(run):
    module, folder = run
    assert {file.name for file in folder.iterdir()} == {
        "config.yaml", "metrics.csv", "face_encoder.safetensors", "face_encoder.json"
    }  # fmt: skip
    assert "zero_shot/sex" in (folder / "metrics.csv").read_text()
    encoder = load_encoder(GuidanceConfig(weights=str(folder / "face_encoder.safetensors")))
    texts = ["a photo of a zombie"]
    assert torch.allclose(encoder.encode_text(texts), module.encoder.eval().encode_text(texts), atol=1e-2)
    assert encoder.unknown_words("a photo of a zombie, a clown, an angry old man with gothic makeup") == []


def test_a_run_goes_on_from_another_encoder(run, tmp_path):
    module, folder = run
    path = str(folder / "face_encoder.safetensors")
    begun = build(replace(CONFIG, init_from=path, seed=5)).encoder.model.state_dict()
    for name, tensor in module.encoder.model.state_dict().items():
        torch.testing.assert_close(begun[name], tensor, atol=2e-3, rtol=2e-3)
    with pytest.raises(ValueError, match="init_from"):
        build(replace(CONFIG, init_from=path, model={**MODEL, "embed_dim": 8}))


def test_a_run_with_phrases_goes_on_from_an_encoder_without_their_words(run, tmp_path):
    module, folder = run
    for name in "abc":
        Image.new("RGB", (40, 39), name and "red").save(tmp_path / f"{name}.jpg")
    (tmp_path / "phrases.csv").write_text("file,phrase\na.jpg,person wearing a fedora\nb.jpg,smiling\nc.jpg,smiling\n")
    photographs = PhotographsConfig(phrases=str(tmp_path / "phrases.csv"), phrase_share=0.5)
    config = replace(CONFIG, init_from=str(folder / "face_encoder.safetensors"), photographs=photographs, seed=5)
    begun = build(config).encoder
    assert "fedora" in begun.tokenizer.words and "fedora" not in module.encoder.tokenizer.words
    texts = ["a photo of a smiling zombie"]
    torch.testing.assert_close(
        begun.eval().encode_text(texts), module.encoder.eval().encode_text(texts), atol=1e-2, rtol=1e-2
    )
    assert train(config, tmp_path / "run").status == DONE
    assert (
        "fedora"
        in load_encoder(GuidanceConfig(weights=str(tmp_path / "run" / "face_encoder.safetensors"))).tokenizer.words
    )


def test_a_wrong_model_stops_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="model"):
        train(replace(CONFIG, model={"texture": True}), tmp_path)
    assert not any(tmp_path.iterdir())


def test_the_learning_rate_warms_up_and_falls_to_zero(painter):
    module = module_with(painter, replace(CONFIG, warm_up=0.5, learning_rate=1.0))
    rates = []
    for step in range(4):
        module.__class__ = type("Stepped", (FaceEncoderModule,), {"global_step": step})
        rates.append(module._rate())
    assert rates[0] < rates[1] > rates[2] > rates[3] == 0


def test_painting_follows_the_number(painter):
    module = module_with(painter)
    module.on_fit_start()
    first, again, other = (module.faces.chunk(number, 2, module.agreement) for number in (5, 5, 6))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.images, other.images)
    assert first.images.shape == (2, 4, 32, 32) and first.tokens.shape == (2, 2, 32)


def _numbered(number: int) -> CaptionedImages:
    image, nothing = torch.full((2, 4, 1, 1), number, dtype=torch.uint8), torch.zeros(2, 1)
    return CaptionedImages(image, torch.zeros(2, 1, 1), nothing, nothing)


def test_the_pool_renews_its_oldest_chunk_and_can_start_anywhere():
    walked, jumped = ImageCache(_numbered, 3, 2), ImageCache(_numbered, 3, 2)
    for step in range(9):
        walked.advance(step)
    jumped.advance(8)
    assert walked.held.images[:, 0, 0, 0].tolist() == [6, 6, 4, 4, 5, 5]
    assert torch.equal(walked.held.images, jumped.held.images)
    drawn = walked.sample(64, torch.Generator().manual_seed(0))
    assert set(drawn.images[:, 0, 0, 0].tolist()) == {4, 5, 6} and drawn.tokens.shape == (64, 1)


def test_scores_of_a_blind_encoder_are_those_of_chance(painter):
    module = module_with(painter)
    module.agreement = module.faces.count_agreement(3000, module.device)  # fewer captions prove no contradiction
    painted = module.faces.chunk(9, 12, module.agreement)
    module.validation = painted._replace(images=torch.zeros_like(painted.images))  # all the same
    found = module.score()
    assert found["zero_shot/sex"] == 0.5 and found["retrieval"] < 0.5
    assert all(0 <= value <= 1 for value in found.values())
