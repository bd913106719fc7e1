"""The generator's start: codes stand for textures, and a network learns which."""

import numpy as np
import pytest
import torch
from PIL import Image

from clipface.fit.chart import Chart
from clipface.head import load_head
from clipface.render import Renderer
from clipface.texture.generator import TextureGenerator
from trainer.latent_textures import LatentTextures
from trainer.run import TrainerConfig
from trainer.texture_gan_config import GeneratorConfig
from trainer.texture_start import TextureStartConfig, pooled, pyramid_loss, started, train

RESOLUTION = 32


@pytest.fixture(scope="module")
def skins(tmp_path_factory):
    folder, source = tmp_path_factory.mktemp("skins"), np.random.default_rng(0)
    for number in range(6):
        skin = np.full((RESOLUTION, RESOLUTION, 3), 60 + 25 * number, np.uint8)
        skin[:, :9] += source.integers(0, 20, (RESOLUTION, 9, 3), dtype=np.uint8)
        Image.fromarray(skin).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def drawn_head():
    head = load_head("open")  # painting needs a whole face
    return head, Renderer(head.faces, head.uv, head.uv_faces)


@pytest.fixture(scope="module")
def textures(skins, drawn_head):
    return LatentTextures(skins, *drawn_head, RESOLUTION, directions=4, painted=0.5)


def test_a_code_stands_for_one_skin(textures):
    codes, drawn = textures.sample(24, 0, textures.used)
    assert drawn.shape == (24, 3, RESOLUTION, RESOLUTION) and drawn.dtype == torch.uint8
    again = textures.sample(24, 0, textures.used)
    assert torch.equal(codes, again[0]) and torch.equal(drawn, again[1])
    # The neck is never painted over: there lies the linear model's skin, as bright as the first coefficient says.
    neck = textures.skins.textures(codes[:, :4]).clamp(0, 1)[:, :, -RESOLUTION // 3 :].mean((1, 2, 3))
    plain = drawn[:, :, -RESOLUTION // 3 :].float().mean((1, 2, 3)) / 255
    assert torch.corrcoef(torch.stack((neck, plain)))[0, 1] > 0.5


def test_the_linear_model_knows_mirror_images(textures, drawn_head):
    mean = textures.skins.mean[None]  # of skins with a spotted left side
    assert (Chart(drawn_head[0], RESOLUTION).mirrored(mean) - mean).abs().mean() < 1e-3


def test_too_short_codes_are_refused(textures):
    with pytest.raises(ValueError, match="z_dim"):
        textures.sample(2, 0, textures.used - 1)


def test_the_pool_is_renewed_and_pairs_stay_together(textures):
    config = TextureStartConfig(skins="", batch_size=3, chunk=4, chunks=2, renew_every=2)
    chunks = [textures.sample(4, seed, textures.used) for seed in range(4)]
    known = {tuple(code.tolist()): texture for chunk in chunks for code, texture in zip(*chunk, strict=True)}
    stream = pooled(textures, config, textures.used)
    seen = set()
    for codes, drawn in (next(stream) for _ in range(7)):
        for code, texture in zip(codes, drawn, strict=True):
            assert torch.equal(known[tuple(code.tolist())], texture)
            seen.add(tuple(code.tolist()))
    assert len(seen) > 8  # more than the pool holds at a time


def test_the_loss_is_the_mean_difference_at_every_size():
    drawn, wanted = torch.zeros(2, 3, 16, 16), torch.zeros(2, 3, 16, 16)
    wanted[:, :, ::2] = 1  # seen at full size only; half of it remains at the smaller ones
    assert pyramid_loss(drawn, wanted) == pytest.approx(0.5 * 2)
    wanted = wanted * 2 - 1
    assert pyramid_loss(drawn, wanted) == pytest.approx(1)


def test_codes_can_be_read_from_the_first_w():
    plain = TextureGenerator(8, 64, 64, 2, 64, 8)
    z = torch.randn(2000, 64, generator=torch.Generator().manual_seed(0))
    deviations = [layer.weight.std().item() for layer in plain.mapping.layers]

    def readable(network):
        with torch.no_grad():
            w = torch.cat((network.mapping(z)[:, 0], torch.ones(len(z), 1)), 1)
        found = torch.linalg.lstsq(w[:1500], z[:1500]).solution
        return 1 - (w[1500:] @ found - z[1500:]).square().mean() / z[1500:].var()

    before = readable(plain)
    assert readable(started(plain)) > max(0.6, before + 0.1)
    assert [layer.weight.std().item() for layer in plain.mapping.layers] == pytest.approx(deviations, rel=0.05)


def test_a_run_learns_and_writes_a_generator(skins, tmp_path):
    config = TextureStartConfig(
        skins=str(skins), batch_size=8, learning_rate=2e-2, directions=4, chunk=16, chunks=2,
        generator=GeneratorConfig(RESOLUTION, 256, 16, 2, 256, 16),
        trainer=TrainerConfig(steps=25),
    )  # fmt: skip
    module = train(config, tmp_path)
    network = TextureGenerator.from_weights(tmp_path / "generator.safetensors")
    source = LatentTextures(skins, module.head, module.renderer, RESOLUTION, 4, 0.5)
    codes, wanted = source.sample(16, 10**6, 256)
    untrained = TextureGenerator(**network.config)
    with torch.no_grad():
        errors = [pyramid_loss(net(codes), wanted / 127.5 - 1) for net in (network, untrained)]
        mean = network.mapping(codes)[:, 0].mean(0)
    assert errors[0] < 0.7 * errors[1]
    assert (network.mapping.w_avg - mean).norm() < 0.5 * mean.norm() + 1
    assert (tmp_path / "textures.png").is_file()
