"""Compares every kernel with its twin; run by test_pointwise.py in a process of its own."""

import sys

import torch

from clipface.texture.discriminator import Discriminator
from clipface.texture.generator import TextureGenerator
from clipface.texture.losses import discriminator_loss, path_lengths, r1_penalty
from clipface.texture.ops import (
    activation,
    activation_torch,
    activation_triton,
    upsample_torch,
    upsample_triton,
)

DEVICE = sys.argv[1] if len(sys.argv) > 1 else "cpu"


def images(*size: int, dtype: torch.dtype) -> torch.Tensor:
    return torch.randn(size, device=DEVICE).to(dtype).to(memory_format=torch.channels_last)


def check(name: str, arguments: tuple) -> None:
    kernels, plain = (upsample_triton, upsample_torch) if "sample" in name else (activation_triton, activation_torch)
    given = getattr(kernels, name)(*copied(arguments))
    wanted = getattr(plain, name)(*copied(arguments))
    pairs = zip(given, wanted, strict=True) if isinstance(wanted, tuple) else [(given, wanted)]
    for got, want in pairs:
        assert (got is None) == (want is None), name
        if got is None:
            continue
        if got.ndim == 4 and got.shape[1] > 1:
            assert got.is_contiguous(memory_format=torch.channels_last), name
        # bfloat16 has eight bits; the twin rounds after every operation, the kernel once.
        exact = arguments[0].dtype == torch.float32
        tolerance = (1e-5 if exact else 5e-2) * want.float().abs().max().clamp(min=1).item()
        torch.testing.assert_close(
            got.float(), want.float(), atol=tolerance, rtol=0, msg=f"{name} {arguments[0].shape}"
        )


def copied(arguments: tuple) -> tuple:
    return tuple(part.clone() if isinstance(part, torch.Tensor) else part for part in arguments)


def compare(batch: int, channels: int, height: int, width: int, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    size = (batch, channels, height, width)
    x, gradient, y = (images(*size, dtype=dtype) for _ in range(3))
    y[0, 0, 0, 0], y[0, 0, 0, 1] = activation_torch.CLAMP, -activation_torch.CLAMP
    factor, bias = torch.randn(batch, channels, device=DEVICE), torch.randn(channels, device=DEVICE)
    for noise in (None, images(1, 1, height, width, dtype=torch.float32), images(batch, 1, height, width, dtype=dtype)):
        check("blend", (x * 100, factor, bias, noise, 1.4, True))
        check("blend", (x * 100, None, bias, noise, 1.4, True))
        wide = None if noise is None else noise.repeat(1, 1, 2, 2)
        check("upsample_blend", (x, bias, wide, 1.4))
    check("blend", (x, factor, None, None, 1.0, False))
    for wanted in ((True, True, True), (False, True, False), (True, False, False)):
        check("blend_gradient", (gradient, y, x, factor, wanted))
        check("blend_gradient", (gradient, None, x, factor, (wanted[0], False, False)))
    check("blend_gradient", (gradient, y, None, None, (False, True, True)))
    check("slope", (gradient, y))
    check("slope", (gradient.contiguous(), y))
    check("dot", (gradient, x))
    for name in ("upsample", "upsample_transposed", "downsample", "downsample_transposed"):
        check(name, (x,))


def gradients(generator: TextureGenerator, discriminator: Discriminator) -> list[torch.Tensor]:
    """Of a loss and of both penalties."""
    torch.manual_seed(1)
    w_plus = generator.mapping(torch.randn(2, 8, device=DEVICE))
    batch = images(2, 3, 16, 16, dtype=torch.float32).requires_grad_()
    texture = generator.synthesis(w_plus).contiguous(memory_format=torch.channels_last)
    real, fake = discriminator(torch.cat((batch, texture)), parts=2).chunk(2)
    lengths = path_lengths(texture, w_plus, batch.detach() / 16)
    losses = (discriminator_loss(real, fake), r1_penalty(discriminator(batch), batch), lengths.square().mean())
    learned = [*generator.parameters(), *discriminator.parameters()]
    found = []
    for loss in losses:
        one = torch.autograd.grad(loss, learned, retain_graph=True, allow_unused=True)
        found.append(torch.cat([gradient.flatten() for gradient in one if gradient is not None]))
    return found


def compare_networks() -> None:
    """Gradients of whole networks with the kernels and without."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(0)
    networks = TextureGenerator(16, 8, 8, 2, 64, 8), Discriminator(16, 64, 8, 2)
    for network in networks:
        network.to(DEVICE, memory_format=torch.channels_last)
        for name, parameter in network.named_parameters():
            if name.endswith(("noise_strength", "bias")):
                torch.nn.init.normal_(parameter)
    found = []
    for kernels in (False, True):
        activation.use_kernels = lambda x, chosen=kernels: chosen and x.is_contiguous(memory_format=torch.channels_last)
        found.append(gradients(*networks))
    for wanted, given in zip(*found, strict=True):
        torch.testing.assert_close(given, wanted, atol=1e-4 * wanted.abs().max().item(), rtol=0)


compare_networks()
compare(2, 3, 8, 6, torch.float32)
compare(1, 70, 2, 2, torch.float32)
compare(2, 8, 4, 4, torch.float32)
compare(2, 16, 4, 8, torch.bfloat16)
if DEVICE == "cuda":
    compare(2, 40, 130, 66, torch.float32)
    compare(3, 128, 64, 64, torch.bfloat16)
