"""One network for all words: what a text wants of a face becomes offsets of its codes, without any training for it.

text_mapper, notes = TextMapper.from_weights(assets.resolve("text_mapper"))
mapper = text_mapper.for_text(wanted, unwanted)  # a FaceMapper, as a run of trainer.mapper leaves one
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from clipface.edit.mapper import Codes, FaceMapper, Offsets
from clipface.edit.networks import LEARNING_RATE_MULTIPLIER, SLOPE, SavedMapper, normalized
from clipface.shapes import expect


class TextMapper(SavedMapper):
    """Text directions and codes to offsets.

    A text is two directions in the encoder's space: what the face should have (`wanted`) and what it should not have
    any more (`unwanted`). A network without biases turns them into a few numbers, of which everything else is a linear
    function: an offset of w+, a matrix of low rank for each level that reads the face's own code, offsets of expression
    and identity, and how far the face's own expression is given up. So no text changes nothing, and a direction twice
    as long changes twice as much.
    """

    NAME = "text_mapper"

    def __init__(
        self,
        levels: int,
        dim: int,
        n_expression: int,
        n_shape: int,
        features: int,
        hidden: int = 512,
        codes: int = 192,
        rank: int = 16,
    ) -> None:
        """Create a network that changes nothing yet.

        Args:
            levels: levels of the generator's code.
            dim: size of a level.
            n_expression: expression coefficients that it may change.
            n_shape: likewise of the identity; 0: none.
            features: size of the encoder's features, D.
            hidden: width of the network that reads texts.
            codes: numbers that it makes of a text, K.
            rank: of what reads a level of a face's code.
        """
        super().__init__()
        self.config = {
            "levels": levels, "dim": dim, "n_expression": n_expression, "n_shape": n_shape, "features": features,
            "hidden": hidden, "codes": codes, "rank": rank,
        }  # fmt: skip
        widths = [2 * features, hidden, hidden, codes]
        self.text = nn.ParameterList(
            torch.randn(out, into) * math.sqrt(2 / into) for into, out in zip(widths[:-1], widths[1:], strict=True)
        )
        self.offset = nn.Parameter(torch.zeros(codes, levels, dim))
        self.read = nn.Parameter(torch.randn(levels, rank, dim) / math.sqrt(dim))
        self.gate = nn.Parameter(torch.randn(codes, levels, rank) / math.sqrt(codes))
        self.write = nn.Parameter(torch.zeros(levels, rank, dim))
        self.expression = nn.Parameter(torch.zeros(codes, n_expression))
        self.released = nn.Parameter(torch.zeros(codes, n_expression))
        self.identity = nn.Parameter(torch.zeros(codes, n_shape))

    def numbers(self, wanted: Tensor, unwanted: Tensor) -> Tensor:
        """Directions [B, D] each to the numbers [B, K] that stand for a text; 0 for none, twice for twice as long."""
        size = ("B", self.config["features"])
        expect("wanted", wanted, size)
        expect("unwanted", unwanted, size)
        x = torch.cat([wanted, unwanted], -1)
        for weight in self.text[:-1]:
            x = functional.leaky_relu(x @ weight.T, SLOPE)
        return x @ self.text[-1].T

    def forward(self, codes: Codes, wanted: Tensor, unwanted: Tensor) -> Offsets:
        """Offsets of codes, each face by a text of its own.

        Args:
            codes: of B faces.
            wanted: [B, D], features of the words for what a face should have, less those of the source phrase.
            unwanted: [B, D], likewise of what it should not have; zeros: nothing.

        Returns:
            Offsets of w+ [B, L, dim], of expression and identity. Gradient: to the network and to the codes.
        """
        numbers = self.numbers(wanted, unwanted)
        read = torch.einsum("bld,lrd->blr", normalized(codes.w_plus), self.read)
        gated = read * torch.einsum("bk,klr->blr", numbers, self.gate)
        moved = torch.einsum("bk,kld->bld", numbers, self.offset) + torch.einsum("blr,lrd->bld", gated, self.write)
        own = codes.expression[:, : self.config["n_expression"]]
        released = (numbers @ self.released).clamp(0, 1)
        identity = numbers @ self.identity if self.config["n_shape"] else None
        return Offsets(moved, numbers @ self.expression - released * own, identity)

    @torch.no_grad()
    def for_text(self, wanted: Tensor, unwanted: Tensor) -> FaceMapper:
        """What it does for one text, as an edit of its own.

        Args:
            wanted, unwanted: [D], see `forward`.

        Returns:
            An edit on this network's device, in evaluation mode.
        """
        config = self.config
        numbers = self.numbers(wanted[None], unwanted[None])[0]
        with torch.device("meta"):  # sampling what is overwritten would take longer than all the rest
            mapper = FaceMapper(
                config["levels"], config["dim"], config["n_expression"], 1, n_shape=config["n_shape"], affine=True
            )
        mapper.to_empty(device=numbers.device)
        for part in mapper.parts():
            for value in part.parameters():
                value.zero_()
        scale = math.sqrt(config["dim"]) / LEARNING_RATE_MULTIPLIER
        gate = torch.einsum("k,klr->lr", numbers, self.gate)
        written = (scale * gate[:, :, None] * self.write).transpose(1, 2)
        mapper.texture.weights[0].copy_(written @ self.read)
        moved = torch.einsum("k,kld->ld", numbers, self.offset)
        mapper.texture.biases[0].copy_(moved[:, None] / LEARNING_RATE_MULTIPLIER)
        mapper.expression.start_at((numbers @ self.expression)[None])
        mapper.released.copy_((numbers @ self.released).clamp(0, 1))
        if mapper.identity is not None:
            mapper.identity.start_at((numbers @ self.identity)[None])
        return mapper.eval()
