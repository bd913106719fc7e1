"""The networks of an edit: offsets of a texture code, and of the head's coefficients.

Source: ClipFace (arXiv 2212.01406), section 3.2; the layers are those of StyleGAN2's mapping network.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from clipface import weights
from clipface.shapes import expect

if TYPE_CHECKING:
    from typing import Self  # of Python 3.11

# From StyleGAN2's mapping network: parameters are stored 100 times larger than they act, which slows their learning.
LEARNING_RATE_MULTIPLIER = 0.01
SLOPE = 0.2
MOST_LAYERS = 64  # a configuration that asks for more is damaged
GAIN = math.sqrt(2)


class SavedMapper(nn.Module):
    """An edit that is kept in a file.

    Attributes:
        NAME: of the trainer; its configuration stands under this name beside the weights.
        config: arguments that it was created with.
    """

    NAME: str
    config: dict[str, Any]

    def save(self, path: str | Path, half: bool = False, **notes: object) -> Path:
        """Write the mapper to a `.safetensors` file, maybe in half precision; `notes` go into the `.json` with its
        configuration."""
        return weights.save(path, self.state_dict(), {self.NAME: self.config, **notes}, half)

    @classmethod
    def from_weights(cls, path: str | Path) -> "tuple[Self, dict]":
        """Read what `save` wrote.

        Returns:
            The mapper and the notes.

        Raises:
            FileNotFoundError: if a file is missing.
            ValueError: if a file is cut off or holds other weights.
        """
        tensors, notes = weights.load(path)
        if cls.NAME not in notes:
            raise ValueError(f"mapper: {path} holds other weights; give the file of a trainer.{cls.NAME} run")
        return weights.build(cls, notes.pop(cls.NAME), tensors, f"mapper {path}"), notes


def normalized(codes: Tensor) -> Tensor:
    """Levels of codes [..., dim] with a mean square of 1, as networks read them."""
    return codes * (codes.square().mean(-1, keepdim=True) + 1e-8).rsqrt()


class LevelwiseMLP(nn.Module):
    """One small network for every level of a code, all evaluated together with one batched product a layer."""

    def __init__(self, levels: int, widths: Sequence[int], activate_last: bool = True) -> None:
        """Create networks whose output is exactly zero.

        Args:
            levels: number of networks that are evaluated together.
            widths: size of the input, of each hidden layer and of the output.
            activate_last: whether the output goes through the activation too, as in the paper.
        """
        super().__init__()
        if len(widths) > MOST_LAYERS + 1:
            raise ValueError(f"layers: expected at most {MOST_LAYERS}, got {len(widths) - 1}")
        self.activate_last = activate_last
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
        self.biases[-1].copy_((self._before_activation(offsets) / LEARNING_RATE_MULTIPLIER)[:, None])

    @torch.no_grad()
    def start_like(self, codes: Tensor, offsets: Tensor, ridge: float = 0.1) -> None:
        """Make offsets of codes as like given ones as the last layers alone can, by least squares.

        Args:
            codes: [N, L, in].
            offsets: [N, L, out].
            ridge: keeps the layers' weights short, in units of the hidden activations' mean square.
        """
        hidden = self._hidden(codes)  # [L, N, width]
        wanted = self._before_activation(offsets.transpose(0, 1))
        mean, middle = wanted.mean(1, keepdim=True), hidden.mean(1, keepdim=True)
        hidden, count = hidden - middle, hidden.shape[1]
        gram = hidden @ hidden.transpose(1, 2)  # [L, N, N]: fewer codes than hidden units
        scale = ridge * gram.diagonal(dim1=1, dim2=2).mean(1)[:, None, None]
        gram = gram + scale * torch.eye(count, device=gram.device)
        roots = [torch.linalg.cholesky(level) for level in gram]
        # One level at a time: many at once have failed in MKL's threads.
        pairs = zip(wanted - mean, roots, strict=True)
        solved = torch.stack([torch.cholesky_solve(level, root) for level, root in pairs])
        weight = (hidden.transpose(1, 2) @ solved).transpose(1, 2)  # [L, out, width]
        self.weights[-1].copy_(weight * (math.sqrt(weight.shape[-1]) / LEARNING_RATE_MULTIPLIER))
        self.biases[-1].copy_((mean - middle @ weight.transpose(1, 2)) / LEARNING_RATE_MULTIPLIER)

    def _before_activation(self, offsets: Tensor) -> Tensor:
        return torch.where(offsets < 0, offsets / SLOPE, offsets) / GAIN if self.activate_last else offsets

    def first(self, levels: int) -> "LevelwiseMLP":
        """The networks of the first levels alone, as copies."""
        _, out, into = self.weights[0].shape
        network = LevelwiseMLP(levels, [into, out, *(weight.shape[1] for weight in self.weights[1:])])
        network.load_state_dict({name: value[:levels] for name, value in self.state_dict().items()})
        return network

    def forward(self, codes: Tensor) -> Tensor:
        """Evaluate network l on level l.

        Args:
            codes: [B, L, in].

        Returns:
            [B, L, out]; zeros before training.
        """
        expect("w_plus", codes, ("B", *self.weights[0].shape[::2]))
        x = self._layer(self._hidden(codes), -1)
        if self.activate_last:
            x = functional.leaky_relu(x, SLOPE) * GAIN
        return x.transpose(0, 1)

    def _hidden(self, codes: Tensor) -> Tensor:
        """What the last layer reads, [L, B, width]."""
        x = normalized(codes.transpose(0, 1))  # [L, B, in]
        for layer in range(len(self.weights) - 1):
            x = functional.leaky_relu(self._layer(x, layer), SLOPE) * GAIN
        return x

    def _layer(self, x: Tensor, layer: int) -> Tensor:
        weight, bias = self.weights[layer], self.biases[layer]
        scale = LEARNING_RATE_MULTIPLIER / math.sqrt(weight.shape[-1])
        return torch.baddbmm(bias * LEARNING_RATE_MULTIPLIER, x, weight.transpose(1, 2), alpha=scale)

    @classmethod
    def from_published(cls, states: Sequence[Mapping[str, Tensor]]) -> "Self":
        """Build networks from state dicts in the authors' form (`layers.0.weight` …), one for each level.

        Raises:
            ValueError: if they are no such networks, or differ in size.
        """
        layers = range(max(len(states[0]) // 2, 1))
        names = [f"layers.{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]
        for level, state in enumerate(states):
            weights.check_keys(names, state, f"published mapper, level {level}")
        sizes = [expect("published weights", states[0][f"layers.{layer}.weight"], ("out", "in")) for layer in layers]
        sizes = [(size["out"], size["in"]) for size in sizes]
        network = cls(len(states), [sizes[0][1], *(out for out, _ in sizes)])
        for level, state in enumerate(states):
            for layer in layers:
                for target, kind in ((network.weights[layer], "weight"), (network.biases[layer], "bias")):
                    source = state[f"layers.{layer}.{kind}"]
                    expect(f"published layers.{layer}.{kind}", source, target[level].squeeze(0).shape)
                    target.data[level].copy_(source)
        return network


class CoefficientMapper(LevelwiseMLP):
    """Offset of the head's expression or identity, read from the mean of an edited texture code over its levels."""

    def forward(self, w_plus: Tensor) -> Tensor:
        """Edited texture code [B, L, dim] to an offset [B, count]."""
        return super().forward(w_plus.mean(1, keepdim=True)).squeeze(1)
