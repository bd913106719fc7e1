"""Convolution: PyTorch's values and derivatives, any number of times, both memory formats."""

import pytest
import torch
import torch.nn.functional as F

from clipface.texture.ops.convolution import convolve


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [1, 3])
def test_values_and_derivatives(memory_format, size):
    torch.manual_seed(0)
    x = torch.randn(2, 3, 5, 4, dtype=torch.float64).to(memory_format=memory_format).requires_grad_()
    weight = torch.randn(4, 3, size, size, dtype=torch.float64).to(memory_format=memory_format).requires_grad_()
    y = convolve(x, weight)
    torch.testing.assert_close(y, F.conv2d(x, weight, padding=size // 2))
    assert size == 1 or y.is_contiguous(memory_format=memory_format)
    assert torch.autograd.gradcheck(convolve, (x, weight))
    assert torch.autograd.gradgradcheck(convolve, (x, weight))


def test_second_derivatives_are_pytorch_s():
    torch.manual_seed(0)
    x, weight = torch.randn(2, 3, 8, 8, requires_grad=True), torch.randn(4, 3, 3, 3, requires_grad=True)
    found = []
    for function in (convolve, lambda x, w: F.conv2d(x, w, padding=1)):
        loss = function(x, weight).square().sum()
        gradients = torch.autograd.grad(loss, (x, weight), create_graph=True)
        found.append(torch.autograd.grad(sum(part.square().sum() for part in gradients), (x, weight)))
    for given, wanted in zip(*found, strict=True):
        torch.testing.assert_close(given, wanted, atol=1e-4 * wanted.abs().max().item(), rtol=1e-4)
