"""The networks of an edit: offsets of a texture code, and of the head's coefficients.

Source: ClipFace (arXiv 2212.01406), section 3.2; the layers are those of StyleGAN2's mapping network.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from clipface import weights
from clipface.shapes import expect

# From StyleGAN2's mapping network: parameters are stored 100 times larger than they act, which slows their learning.
LEARNING_RATE_MULTIPLIER = 0.01
SLOPE = 0.2
GAIN = math.sqrt(2)
# Width of the expression mapper's hidden layers in the paper.
COEFFICIENT_WIDTH = 50


class LevelwiseMLP(nn.Module):
    """One small network for every level of a code, all evaluated together with one batched product a layer."""

    def __init__(self, levels: int, widths: Sequence[int]) -> None:
        """Create networks whose output is exactly zero.

        Args:
            levels: number of networks that are evaluated together.
            widths: size of the input, of each hidden layer and of the output.
        """
        super().__init__()
        sizes = list(zip(widths[:-1], widths[1:], strict=True))
        self.weights = nn.ParameterList(
            torch.randn(levels, out, into) / LEARNING_RATE_MULTIPLIER
            for into, out in sizes  # [L, out, in]
        )
        self.biases = nn.ParameterList(torch.zeros(levels, 1, out) for _, out in sizes)  # [L, 1, out]
        nn.init.zeros_(self.weights[-1])

    def start_at_random(self) -> None:
        """Sample the last layers as the others: the paper's start before its pre-training to zero."""
        nn.init.normal_(self.weights[-1], std=1 / LEARNING_RATE_MULTIPLIER)

    @torch.no_grad()
    def start_at(self, offsets: Tensor) -> None:
        """Give every code the same offsets [L, out]; for networks of zero output."""
        expect("offsets", offsets, self.weights[-1].shape[:2])
        before = offsets / GAIN
        before = torch.where(before < 0, before / SLOPE, before)
        self.biases[-1].copy_((before / LEARNING_RATE_MULTIPLIER)[:, None])

    def forward(self, codes: Tensor) -> Tensor:
        """Evaluate network l on level l.

        Args:
            codes: [B, L, in].

        Returns:
            [B, L, out]; zeros before training.
        """
        x = codes.transpose(0, 1)  # [L, B, in]
        x = x * (x.square().mean(-1, keepdim=True) + 1e-8).rsqrt()
        for weight, bias in zip(self.weights, self.biases, strict=True):
            scale = LEARNING_RATE_MULTIPLIER / math.sqrt(weight.shape[-1])
            x = torch.baddbmm(bias * LEARNING_RATE_MULTIPLIER, x, weight.transpose(1, 2), alpha=scale)
            x = functional.leaky_relu(x, SLOPE) * GAIN
        return x.transpose(0, 1)

    def load_published(self, states: Sequence[Mapping[str, Tensor]]) -> None:
        """Take over state dicts in the authors' form (`layers.0.weight` …), one for each level."""
        names = [f"layers.{layer}.{kind}" for layer in range(len(self.weights)) for kind in ("weight", "bias")]
        levels = self.weights[0].shape[0]
        if len(states) != levels:
            raise ValueError(f"published mapper: expected {levels} levels, got {len(states)}")
        for level, state in enumerate(states):
            weights.check_keys(names, state, f"published mapper, level {level}")
            for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
                for target, kind in ((weight, "weight"), (bias, "bias")):
                    source = state[f"layers.{layer}.{kind}"]
                    expect(f"published layers.{layer}.{kind}", source, target[level].squeeze(0).shape)
                    target.data[level].copy_(source)


class TextureMapper(LevelwiseMLP):
    """Offsets of a texture code: every level's offset depends on that level alone."""

    def __init__(self, levels: int, dim: int = 512, layers: int = 4) -> None:
        """Create a mapper with zero output.

        Args:
            levels: levels of the generator's code, 2·log2(resolution) − 2.
            dim: size of a level.
            layers: layers of each level's network.
        """
        super().__init__(levels, [dim] * (layers + 1))

    def forward(self, w_plus: Tensor) -> Tensor:
        """Texture code [B, L, dim] to its offsets [B, L, dim]."""
        expect("w_plus", w_plus, ("B", *self.weights[0].shape[::2]))
        return super().forward(w_plus)

    @classmethod
    def from_published(cls, states: Sequence[Mapping[str, Tensor]]) -> "TextureMapper":
        """Build a mapper from the authors' state dicts, one for each level."""
        dim = states[0]["layers.0.weight"].shape[1]
        mapper = cls(len(states), dim, layers=len(states[0]) // 2)
        mapper.load_published(states)
        return mapper


class CoefficientMapper(LevelwiseMLP):
    """Offset of the head's expression or identity, read from the mean of an edited texture code over its levels."""

    def __init__(self, dim: int = 512, count: int = 50, layers: int = 4) -> None:
        """Create a mapper with zero output.

        Args:
            dim: size of a level of the texture code.
            count: coefficients that it moves, the first ones of the head.
            layers: layers of the network.
        """
        super().__init__(1, [dim, *[COEFFICIENT_WIDTH] * (layers - 1), count])

    def forward(self, w_plus: Tensor) -> Tensor:
        """Edited texture code [B, L, dim] to an offset [B, count]."""
        expect("w_plus", w_plus, ("B", "L", self.weights[0].shape[2]))
        return super().forward(w_plus.mean(1, keepdim=True)).squeeze(1)

    @classmethod
    def from_published(cls, state: Mapping[str, Tensor]) -> "CoefficientMapper":
        """Build a mapper from the authors' state dict."""
        layers = len(state) // 2
        mapper = cls(state["layers.0.weight"].shape[1], state[f"layers.{layers - 1}.weight"].shape[0], layers)
        mapper.load_published([state])
        return mapper
