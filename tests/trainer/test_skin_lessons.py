"""Lessons in skins, on a tiny generator."""

import pytest
import torch
from PIL import Image
from tiny_gan import optimizers, run, tiny_config, tiny_gan

from trainer.callbacks import Checkpoint
from trainer.face_stream import DatasetConfig
from trainer.start import HeadConfig, RendererConfig, load_drawn_head
from trainer.texture_gan_config import GeneratorConfig, SkinsConfig

COLOURS = ((60, 40, 30), (120, 85, 65), (190, 150, 125), (235, 205, 190))


@pytest.fixture(scope="module")
def drawn_head():
    return load_drawn_head(HeadConfig(), RendererConfig())


@pytest.fixture
def gan(drawn_head, tmp_path):
    for number, colour in enumerate(COLOURS):
        (tmp_path / "skins").mkdir(exist_ok=True)
        Image.new("RGB", (64, 64), colour).save(tmp_path / "skins" / f"{number}.png")
    skins, network = SkinsConfig(1.0, count=4, renew_every=2, candidates=4), GeneratorConfig(64, 8, 8, 2, 256, 8)
    dataset = DatasetConfig(skins=str(tmp_path / "skins"), texture_size=64, blends=0.0)
    return tiny_gan(*drawn_head, tiny_config(skins=skins, generator=network, dataset=dataset))


def distances(gan) -> torch.Tensor:
    with torch.no_grad():
        drawn = gan.generator(gan.skins.codes)
    return ((drawn - (gan.skins.textures / 127.5 - 1)) * gan.skins.face).abs().mean((1, 2, 3))


def test_each_skin_has_a_near_code_of_its_own(gan):
    gan.skins.draw(gan.generator, 1, None)
    assert len(gan.skins.codes.unique(dim=0)) == 8
    assert gan.skins.codes.std() > 0.5  # latent codes, not their styles
    chosen = distances(gan).mean()
    for _ in range(5):
        gan.skins.codes = gan.skins.codes[torch.randperm(8)]
        assert chosen <= distances(gan).mean()


def test_skins_beyond_the_generator_are_learnt_by_mapping_and_synthesis(gan):
    optimizer, _ = optimizers(gan)
    gan.skins.draw(gan.generator, 1, None)
    before = distances(gan)
    for number in range(60):
        loss = gan.skins.loss(gan.generator, number, None)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert gan.generator.mapping.layers[0].weight.grad.abs().max() > 0
    assert (distances(gan) < 0.8 * before).all()


def test_only_the_face_counts(gan):
    gan.skins.draw(gan.generator, 1, None)
    loss = gan.skins.loss(gan.generator, 0, None).item()
    assert gan.skins.face.min() == 0 and gan.skins.face.max() > 0.9
    gan.skins.textures += (100 * (gan.skins.face == 0)).byte()
    assert gan.skins.loss(gan.generator, 0, None).item() == loss
    gan.skins.textures += (100 * (gan.skins.face > 0.5)).byte()
    assert gan.skins.loss(gan.generator, 0, None).item() != loss


def test_a_run_goes_on_with_its_lessons(gan, drawn_head, tmp_path):
    first, second = (tiny_gan(*drawn_head, gan.config) for _ in range(2))
    run(gan, tmp_path / "whole", steps=5)
    run(first, tmp_path / "parts", steps=3, callbacks=[Checkpoint(tmp_path / "parts", every=0)])
    run(second, tmp_path / "parts", steps=5, resume=str(tmp_path / "parts" / "last.ckpt"))
    for name, value in gan.state_dict().items():
        torch.testing.assert_close(second.state_dict()[name], value, msg=lambda text, name=name: f"{name}: {text}")


def test_lessons_need_skins_of_the_generators_resolution():
    with pytest.raises(ValueError, match="dataset.skins"):
        tiny_config(skins=SkinsConfig(1.0))
    with pytest.raises(ValueError, match="texture_size=16"):
        tiny_config(skins=SkinsConfig(1.0), dataset=DatasetConfig(skins="skins"))
