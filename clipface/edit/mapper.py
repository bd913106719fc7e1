"""The trained part of an edit: networks that move a face's texture code and expression towards a prompt.

Source: ClipFace (arXiv 2212.01406), section 3.2; the layers are those of StyleGAN2's mapping network.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from clipface import weights
from clipface.shapes import expect
from clipface.texture.published import load_published

# From StyleGAN2's mapping network: parameters are stored 100 times larger than they act, which slows their learning.
LEARNING_RATE_MULTIPLIER = 0.01
SLOPE = 0.2
GAIN = math.sqrt(2)
# Width of the expression mapper's hidden layers in the paper.
EXPRESSION_WIDTH = 50


class LevelwiseMLP(nn.Module):
    """One small network for every level of a code, all evaluated together with one batched product a layer."""

    def __init__(self, levels: int, widths: Sequence[int]) -> None:
        """Create networks whose output is exactly zero.

        Args:
            levels: number of networks that lie side by side.
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
            raise ValueError(f"published mapper: {levels} levels are wanted, {len(states)} were given")
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


class ExpressionMapper(LevelwiseMLP):
    """Offset of the expression, read from the mean of an edited texture code over its levels."""

    def __init__(self, dim: int = 512, n_expression: int = 50, layers: int = 4) -> None:
        """Create a mapper with zero output.

        Args:
            dim: size of a level of the texture code.
            n_expression: expression components of the head.
            layers: layers of the network.
        """
        super().__init__(1, [dim, *[EXPRESSION_WIDTH] * (layers - 1), n_expression])

    def forward(self, w_plus: Tensor) -> Tensor:
        """Edited texture code [B, L, dim] to an expression offset [B, n_expression]."""
        expect("w_plus", w_plus, ("B", "L", self.weights[0].shape[2]))
        return super().forward(w_plus.mean(1, keepdim=True)).squeeze(1)

    @classmethod
    def from_published(cls, state: Mapping[str, Tensor]) -> "ExpressionMapper":
        """Build a mapper from the authors' state dict."""
        layers = len(state) // 2
        mapper = cls(state["layers.0.weight"].shape[1], state[f"layers.{layers - 1}.weight"].shape[0], layers)
        mapper.load_published([state])
        return mapper


class Codes(NamedTuple):
    """What an edit reads and returns."""

    w_plus: Tensor  # [B, L, dim]
    expression: Tensor  # [B, n_expression]


class FaceMapper(nn.Module):
    """A whole edit: texture offsets, then the expression offset that suits the new texture."""

    def __init__(
        self, levels: int, dim: int, n_expression: int, layers: int = 4, texture: bool = True, expression: bool = True
    ) -> None:
        """Create an edit that changes nothing yet.

        Args:
            levels: levels of the generator's code.
            dim: size of a level.
            n_expression: expression components of the head.
            layers: layers of each network.
            texture: whether the edit may change the texture.
            expression: whether the edit may change the expression.

        Raises:
            ValueError: if both are switched off.
        """
        super().__init__()
        if not (texture or expression):
            raise ValueError("model: texture and expression are both off, nothing could change; switch one of them on")
        self.config = {
            "levels": levels, "dim": dim, "n_expression": n_expression, "layers": layers,
            "texture": texture, "expression": expression,
        }  # fmt: skip
        self.texture = TextureMapper(levels, dim, layers) if texture else None
        self.expression = ExpressionMapper(dim, n_expression, layers) if expression else None

    def forward(self, codes: Codes) -> Codes:
        """Edit codes; a part that is switched off stays as it is. Gradient: to the mappers and to the codes."""
        w_plus, expression = codes
        if self.texture is not None:
            w_plus = w_plus + self.texture(w_plus)
        if self.expression is not None:
            expression = expression + self.expression(w_plus)
        return Codes(w_plus, expression)

    def save(self, path: str | Path, **notes: object) -> Path:
        """Write the mapper to a `.safetensors` file; `notes` go into the configuration beside it."""
        return weights.save(path, self.state_dict(), {"mapper": self.config, **notes})

    @classmethod
    def from_weights(cls, path: str | Path) -> tuple["FaceMapper", dict]:
        """Read what `save` wrote.

        Returns:
            The mapper and the notes.

        Raises:
            FileNotFoundError: if a file is missing.
            ValueError: if a file is cut off or holds other weights.
        """
        tensors, notes = weights.load(path)
        if "mapper" not in notes:
            raise ValueError(f"mapper: {path} holds other weights; give the mapper.safetensors of a trainer.mapper run")
        mapper = cls(**notes.pop("mapper"))
        weights.load_into(mapper, tensors, f"mapper {path}")
        return mapper, notes

    @classmethod
    def from_published(cls, path: str | Path, levels: int) -> "FaceMapper":
        """Read the authors' files: a trained mapper (`level_0` … and `geo`) or `pretrain_mapper.pt`.

        Args:
            path: file written by torch.save; read without running anything in it.
            levels: levels that the generator reads; the files hold two more, which never learned.

        Raises:
            FileNotFoundError, ValueError: if the file is missing, cut off, or no such mapper.
        """
        states = load_published(path)
        wanted = [f"level_{i}" for i in range(levels)]
        if "texture_mapper" in states:  # one network from which every level starts
            states = {"geo": states["geometry_mapper"], **dict.fromkeys(wanted, states["texture_mapper"])}
        weights.check_keys([*wanted, "geo"], [k for k in states if k in {*wanted, "geo"}], f"published mapper {path}")
        texture = TextureMapper.from_published([states[name] for name in wanted])
        expression = ExpressionMapper.from_published(states["geo"])
        _, width, dim = texture.weights[0].shape
        mapper = cls(levels, dim, expression.weights[-1].shape[1], layers=len(texture.weights))
        mapper.texture, mapper.expression = texture, expression
        return mapper
