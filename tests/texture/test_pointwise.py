"""Pointwise operations: values against plain formulas, gradients twice, both memory formats, kernels against twins."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from clipface.texture.ops.activation import activate, scale_channels
from clipface.texture.ops.upsample import downsample, upsample, upsample_activate

FORMATS = [torch.contiguous_format, torch.channels_last]


def inputs(memory_format, size=(4, 5), noise_batch=2):
    torch.manual_seed(0)
    x = torch.randn(2, 3, *size, dtype=torch.float64).to(memory_format=memory_format)
    factor, bias = torch.randn(2, 3, dtype=torch.float64), torch.randn(3, dtype=torch.float64)
    noise = torch.randn(noise_batch, 1, *size, dtype=torch.float64)
    return [part.requires_grad_() for part in (x, bias, factor, noise)]


def filtered(x: torch.Tensor, **options) -> torch.Tensor:
    taps = torch.tensor([1.0, 3, 3, 1], dtype=x.dtype)
    return F.conv2d(x, (taps[:, None] * taps / 64).expand(x.shape[1], 1, 4, 4), groups=x.shape[1], **options)


def enlarged(x: torch.Tensor) -> torch.Tensor:
    return filtered(F.pad(F.interpolate(x, scale_factor=2, mode="nearest"), (2, 1, 2, 1), mode="replicate"))


@pytest.mark.parametrize("memory_format", FORMATS)
def test_resampling_is_the_filter_it_claims(memory_format):
    x = torch.randn(2, 3, 6, 8).to(memory_format=memory_format)
    torch.testing.assert_close(upsample(x), enlarged(x))
    torch.testing.assert_close(downsample(x), filtered(x, stride=2, padding=1))
    assert upsample(x).is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("noise_batch", [1, 2])
def test_values(memory_format, noise_batch):
    x, bias, factor, noise = inputs(memory_format, noise_batch=noise_batch)
    scaled = x * factor[:, :, None, None]
    torch.testing.assert_close(scale_channels(x, factor), scaled)
    shift = 1.4 * (bias[:, None, None] + noise)
    active = lambda z: F.leaky_relu(z, 0.2).clamp(-256, 256)  # noqa: E731
    torch.testing.assert_close(activate(x, bias, 1.4, factor * 300, noise), active(scaled * 300 + shift))
    torch.testing.assert_close(activate(x.clone(), bias, 1.4), active(x + 1.4 * bias[:, None, None]))
    wide = F.interpolate(noise, scale_factor=2)
    torch.testing.assert_close(
        upsample_activate(x, bias, 1.4, wide), active(enlarged(x) + 1.4 * (bias[:, None, None] + wide))
    )


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("noise_batch", [1, 2])
def test_gradients_are_right_twice(memory_format, noise_batch):
    x, bias, factor, noise = inputs(memory_format, (2, 4), noise_batch)
    wide = F.interpolate(noise.detach(), scale_factor=2).requires_grad_()
    for function, arguments in (
        (upsample, (x,)),
        (downsample, (x,)),
        (scale_channels, (x, factor)),
        (lambda x, b, f, n: activate(x, b, 1.4, f * 200, n), (x, bias, factor, noise)),  # some values are clamped
        (lambda x, b: activate(x * 200, b), (x, bias)),
        (lambda x, b, n: upsample_activate(x, b, 1.4, n), (x, bias, wide)),
    ):
        assert torch.autograd.gradcheck(function, arguments)
        assert torch.autograd.gradgradcheck(function, arguments)


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
def test_kernels_equal_their_twins():
    """In Triton's interpreter, which must be chosen before Triton is imported."""
    script = Path(__file__).parents[1] / "helpers/compare_kernels.py"
    done = subprocess.run(
        [sys.executable, script], env=os.environ | {"TRITON_INTERPRET": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.cuda
def test_kernels_equal_their_twins_on_a_gpu():
    script = Path(__file__).parents[1] / "helpers/compare_kernels.py"
    subprocess.run([sys.executable, script, "cuda"], check=True)
