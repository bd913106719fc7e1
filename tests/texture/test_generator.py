"""The generator against the published network's own numbers, and its own promises."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from clipface import assets
from clipface.texture.generator import TextureGenerator, mix_codes
from clipface.texture.published import generator_from_state

GOLDEN = Path(__file__).parents[1] / "golden" / "published_checkpoint_32.npz"
TINY = {"resolution": 16, "z_dim": 8, "w_dim": 8, "mapping_layers": 2, "channel_base": 128, "channel_max": 12}


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


@pytest.fixture(scope="module")
def published(golden):
    prefix = "generator/"
    return generator_from_state({k[len(prefix) :]: v for k, v in golden.items() if k.startswith(prefix)})


@pytest.fixture
def tiny():
    torch.manual_seed(0)
    generator = TextureGenerator(**TINY)
    for name, parameter in generator.named_parameters():
        if name.endswith(("noise_strength", "bias")):  # zero at the start, so nothing would show
            torch.nn.init.normal_(parameter)
    return generator


def test_matches_the_published_network(golden, published):
    levels = published.levels
    with torch.no_grad():
        torch.testing.assert_close(published.mapping(golden["z"]), golden["w"][:, :levels], atol=1e-4, rtol=0)
        truncated = published.mapping(golden["z"], psi=0.7)
        torch.testing.assert_close(truncated, golden["w_truncated_psi_0_7"][:, :levels], atol=1e-4, rtol=0)
        texture = published.synthesis(golden["w_plus"][:, :levels])
    torch.testing.assert_close(texture, golden["texture"], atol=1e-4, rtol=0)


def test_levels_and_size_of_the_shipped_network():
    generator = TextureGenerator.from_weights(assets.resolve("generator"))
    assert generator.levels == 16 and generator.config["resolution"] == 512
    assert sum(value.numel() for value in generator.state_dict().values()) <= 10_000_000


@pytest.mark.parametrize("size", [32, 64])
def test_a_face_alone_without_gradient_is_that_of_a_batch_with_gradient(size):
    generator = TextureGenerator.from_weights(assets.resolve("generator")).double()
    random = torch.Generator().manual_seed(0)
    w_plus = generator.mapping(torch.randn(2, 192, generator=random, dtype=torch.float64))
    w_plus = w_plus + 0.3 * torch.randn(w_plus.shape, generator=random, dtype=torch.float64)  # levels differ
    together = generator.synthesis(w_plus, size=size).detach()
    with torch.no_grad():
        alone = torch.cat([generator.synthesis(code[None], size=size) for code in w_plus])
    torch.testing.assert_close(alone, together, atol=1e-9, rtol=0)


@pytest.mark.parametrize("noise", ["const", "none"])
def test_batch_agrees_with_single_samples(tiny, noise):
    w_plus = torch.randn(3, tiny.levels, 8)
    together = tiny.synthesis(w_plus, noise)
    alone = torch.cat([tiny.synthesis(code[None], noise) for code in w_plus])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_noise_kinds_differ(tiny):
    w_plus = torch.randn(1, tiny.levels, 8).expand(2, -1, -1)
    const, none, random = (tiny.synthesis(w_plus, kind) for kind in ("const", "none", "random"))
    torch.testing.assert_close(const[0], const[1])
    assert (const - none).abs().max() > 1e-2
    assert (random[0] - random[1]).abs().max() > 1e-2
    with pytest.raises(ValueError, match="noise"):
        tiny.synthesis(w_plus, "white")


def test_every_level_is_read(tiny):
    w_plus = torch.randn(1, tiny.levels, 8, requires_grad=True)
    tiny.synthesis(w_plus).square().sum().backward()
    assert (w_plus.grad[0].norm(dim=1) > 0).all()


def test_gradients_are_right_twice():
    torch.manual_seed(0)
    generator = TextureGenerator(**TINY | {"resolution": 8, "w_dim": 2, "channel_max": 3}).double()
    w_plus = torch.randn(2, generator.levels, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(generator.synthesis, w_plus, fast_mode=True)
    assert torch.autograd.gradgradcheck(generator.synthesis, w_plus, fast_mode=True)


def test_saved_network_comes_back(tiny, tmp_path):
    tiny.save(tmp_path / "generator.safetensors")
    loaded = TextureGenerator.from_weights(tmp_path / "generator.safetensors")
    z = torch.randn(2, 8)
    with torch.no_grad():
        torch.testing.assert_close(loaded(z), tiny(z), atol=0.05, rtol=0.01)  # float16 weights
    assert loaded.config == tiny.config


def test_wrong_input_is_named(tiny):
    with pytest.raises(ValueError, match="w_plus"):
        tiny.synthesis(torch.zeros(1, 3, 8))
    with pytest.raises(ValueError, match="resolution"):
        TextureGenerator(resolution=48)


def test_reduced_precision_is_close_and_keeps_the_memory_format():
    torch.manual_seed(0)
    generator = TextureGenerator(**TINY | {"resolution": 64, "channel_base": 512}).to(memory_format=torch.channels_last)
    w_plus = generator.mapping(torch.randn(2, 8))
    full, reduced = generator.synthesis(w_plus), generator.synthesis(w_plus, dtype=torch.bfloat16)
    assert reduced.dtype == torch.float32
    torch.testing.assert_close(reduced, full, atol=0.1, rtol=0.05)
    block = generator.synthesis.blocks[-1]
    x, _ = block(torch.randn(2, 12, 32, 32), torch.randn(2, 3, 32, 32), w_plus.unbind(1)[-3:], "const", None)
    assert x.is_contiguous(memory_format=torch.channels_last)


def test_truncation_pulls_towards_the_mean_code(tiny):
    z = torch.randn(3, 8)
    tiny.mapping.w_avg.copy_(torch.randn(8))
    whole, mean = tiny.mapping(z), tiny.mapping.w_avg[None, None]
    torch.testing.assert_close(tiny.mapping(z, 0.3), mean + 0.3 * (whole - mean))
    torch.testing.assert_close(tiny.mapping(z, 0.0), mean.expand_as(whole))


def test_mixed_codes_change_over_once(tiny):
    torch.manual_seed(0)
    first, second = torch.zeros(400, 6, 8), torch.ones(400, 6, 8)
    mixed = mix_codes(first, second, 0.9)[:, :, 0]
    assert (mixed.diff(dim=1) >= 0).all() and (mixed[:, 0] == 0).all()  # the coarsest level is always the first's
    crossings = torch.stack([(mixed.sum(1) == n).float().mean() for n in range(6)])
    torch.testing.assert_close(crossings, torch.tensor([0.1] + [0.18] * 5), atol=0.06, rtol=0)
    assert torch.equal(mix_codes(first, second, 0.0), first)


def test_the_length_of_z_counts_only_without_normalising_it(tmp_path):
    torch.manual_seed(0)
    z = torch.randn(2, 8)
    plain, kept = TextureGenerator(**TINY), TextureGenerator(**TINY, normalise_z=False)
    torch.testing.assert_close(plain.mapping(2 * z), plain.mapping(z))
    assert not torch.allclose(kept.mapping(2 * z), kept.mapping(z), rtol=0.1)
    mean = kept.mapping.w_avg.normal_()
    torch.testing.assert_close(kept.mapping(z, 0.5), torch.lerp(mean, kept.mapping(z), 0.5))
    kept.save(tmp_path / "generator.safetensors", half=False)
    torch.testing.assert_close(TextureGenerator.from_weights(tmp_path / "generator.safetensors")(z), kept(z))
    described = json.loads((tmp_path / "generator.json").read_text())
    described.pop("normalise_z")  # as in files from before there was a choice
    (tmp_path / "generator.json").write_text(json.dumps(described))
    assert TextureGenerator.from_weights(tmp_path / "generator.safetensors").config["normalise_z"] is True


def test_finer_blocks_can_be_left_out(tiny):
    w_plus = torch.randn(2, tiny.levels, 8, requires_grad=True)
    small = tiny.synthesis(w_plus, size=8)
    assert small.shape == (2, 3, 8, 8) and torch.equal(tiny.synthesis(w_plus, size=64), tiny.synthesis(w_plus))
    small.square().sum().backward()
    assert w_plus.grad[:, -2:].abs().max() == 0 < w_plus.grad[:, :-2].abs().max()
