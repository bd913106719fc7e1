"""Pointwise operations: values against plain formulas, gradients twice, both memory formats."""

import pytest
import torch
import torch.nn.functional as F

from clipface.texture.pointwise import activate, downsample, scale_channels, shift_channels, upsample

FORMATS = [torch.contiguous_format, torch.channels_last]


def inputs(memory_format):
    torch.manual_seed(0)
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64).to(memory_format=memory_format).requires_grad_()
    factor, shift = torch.randn(2, 3, dtype=torch.float64), torch.randn(3, 4, 5, dtype=torch.float64)
    return x, factor.requires_grad_(), shift.requires_grad_()


@pytest.mark.parametrize("memory_format", FORMATS)
def test_upsample_is_the_filter_it_claims(memory_format):
    x = torch.randn(2, 3, 5, 4).to(memory_format=memory_format)
    near = F.interpolate(x, scale_factor=2, mode="nearest")
    taps = torch.tensor([1.0, 3, 3, 1])
    kernel = (taps[:, None] * taps / 64).expand(3, 1, 4, 4)
    torch.testing.assert_close(upsample(x), F.conv2d(F.pad(near, (2, 1, 2, 1), mode="replicate"), kernel, groups=3))


@pytest.mark.parametrize("memory_format", FORMATS)
def test_values_and_format(memory_format):
    x, factor, shift = inputs(memory_format)
    scaled = x * factor[:, :, None, None]
    torch.testing.assert_close(scale_channels(x, factor), scaled)
    shifted = shift_channels(x, factor, shift)
    torch.testing.assert_close(shifted, scaled + shift)
    torch.testing.assert_close(activate(shifted * 500), F.leaky_relu((scaled + shift) * 500, 0.2).clamp(-256, 256))
    assert upsample(x).is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize("memory_format", FORMATS)
def test_gradients_are_right_twice(memory_format):
    x, factor, shift = inputs(memory_format)
    for function, arguments in (
        (upsample, (x,)),
        (lambda x: downsample(x[..., 1:]), (x,)),
        (scale_channels, (x, factor)),
        (shift_channels, (x, factor, shift)),
        (lambda x: activate(x * 200), (x,)),  # some values are clamped
    ):
        assert torch.autograd.gradcheck(function, arguments)
        assert torch.autograd.gradgradcheck(function, arguments)


@pytest.mark.parametrize("memory_format", FORMATS)
def test_downsample_is_the_filter_it_claims(memory_format):
    x = torch.randn(2, 3, 6, 8).to(memory_format=memory_format)
    taps = torch.tensor([1.0, 3, 3, 1])
    kernel = (taps[:, None] * taps / 64).expand(3, 1, 4, 4)
    wanted = F.conv2d(x, kernel, groups=3, stride=2, padding=1)
    torch.testing.assert_close(downsample(x), wanted)
