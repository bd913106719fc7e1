import subprocess
import sys

import pytest
import torch

from clipface.edit.persons.inversion import invert
from clipface.texture.generator import TextureGenerator
from clipface.texture.linear import LinearTextures


@pytest.fixture(scope="module")
def generator():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TextureGenerator(32, 10, 16, 2, 256, 16, normalise_z=False).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def textures(generator):
    z = torch.randn(40, 10, generator=torch.Generator().manual_seed(1))
    return (generator(z).clamp(-1, 1) / 2 + 0.5)[:40]


@pytest.fixture(scope="module")
def linear(textures):
    return LinearTextures.fit(textures * 2 - 1, 6)


def test_steps_bring_textures_nearer_and_the_error_is_that_of_the_code(generator, linear, textures):
    start, later = (invert(generator, linear, textures[:3], steps) for steps in (0, 10))
    assert (later.error < start.error).all()
    made = generator.synthesis(later.w_plus) / 2 + 0.5
    torch.testing.assert_close(later.error, (made - textures[:3]).abs().mean((1, 2, 3)))
    assert later.w_plus.shape == (3, generator.levels, 16) and not later.w_plus.requires_grad


def test_the_start_is_the_mapped_coefficients(generator, linear, textures):
    z = torch.cat([linear.coefficients(textures[:2] * 2 - 1), torch.zeros(2, 4)], 1)
    assert torch.equal(invert(generator, linear, textures[:2], 0).w_plus, generator.mapping(z))


def test_without_a_linear_model_it_starts_at_the_mean_code(generator, textures):
    start = invert(generator, None, textures[:2], 0)
    assert torch.equal(start.w_plus, generator.mapping.w_avg.expand_as(start.w_plus))
    assert (invert(generator, None, textures[:2]).error < start.error).all()


def test_each_texture_is_inverted_as_if_alone(generator, linear, textures):
    together = invert(generator, linear, textures[:3], 5)
    alone = invert(generator, linear, textures[2:3], 5)
    torch.testing.assert_close(together.w_plus[2:], alone.w_plus, atol=1e-4, rtol=0)
    torch.testing.assert_close(together.error[2:], alone.error, atol=1e-5, rtol=0)


def test_textures_of_any_size_are_taken(generator, linear, textures):
    large = textures[:1].repeat_interleave(3, 2).repeat_interleave(3, 3)
    small, large = invert(generator, linear, textures[:1], 3), invert(generator, linear, large, 3)
    torch.testing.assert_close(small.error, large.error, atol=5e-3, rtol=0)


def test_the_usual_steps_take_most_of_the_error_away(generator, linear, textures):
    for model, most in ((linear, 0.42), (None, 0.23)):
        start, found = invert(generator, model, textures[:5], 0), invert(generator, model, textures[:5])
        assert found.error.mean() < most * start.error.mean()


def test_a_step_that_makes_it_worse_is_not_kept(generator, linear, textures):
    errors = torch.stack([invert(generator, linear, textures[5:15], steps).error for steps in range(12)])
    assert (errors[1:] <= errors[:-1] + 1e-6).all()


def test_neither_codes_nor_heads_wait_for_pytorchs_compiler():
    """Its import takes seconds; `torch.optim` loads it at the first step."""
    program = """if True:
        import sys, torch
        from clipface.edit.persons.inversion import invert
        from clipface.fit.photometric import descend
        from clipface.texture.generator import TextureGenerator
        invert(TextureGenerator(8, 4, 4, 1, 16, 4).eval().requires_grad_(False), None, torch.rand(1, 3, 8, 8), 2)
        part = torch.ones(2, requires_grad=True)
        descend(lambda: part.square(), [part], [0.1], 30, lambda: None)
        assert part.abs().max() < 0.2 and "torch._dynamo" not in sys.modules, part
    """
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
