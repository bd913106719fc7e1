"""The trained part of an edit: codes of faces become changed codes.

Source: ClipFace (arXiv 2212.01406), section 3.2.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from clipface.edit.networks import MOST_LAYERS, CoefficientMapper, LevelwiseMLP, SavedMapper
from clipface.edit.persons.detail import keep_detail, resized
from clipface.edit.published import read_published_networks

COEFFICIENT_WIDTH = 50  # of the expression mapper's hidden layers in the paper


class Offsets(NamedTuple):
    """What an edit adds to codes; None: nothing."""

    w_plus: Tensor | None  # [B, L, dim]
    expression: Tensor | None  # [B, <= n_expression], for the first coefficients
    shape: Tensor | None  # [B, <= n_shape], likewise


class Detail(NamedTuple):
    """Textures with more in them than a generator makes, such as photographed ones, and its codes nearest to them."""

    texture: Tensor  # [B, 3, S, S] in 0..1
    w_plus: Tensor  # [B, L, dim]
    before: Tensor | None = None  # [B, 3, R, R] in 0..1, what the generator paints of these codes, if that is known

    def known(self, paint: Callable[[Tensor], Tensor]) -> "Detail":
        """The same with what a generator paints of the codes at one size, so that edits need not paint it anew."""
        with torch.no_grad():
            return self._replace(before=paint(self.w_plus))

    def each(self, change: Callable[[Tensor], Tensor]) -> "Detail":
        """The same with every tensor changed."""
        return Detail(*(part if part is None else change(part) for part in self))

    def reduced(self, size: int | None) -> "Detail":
        """The same with textures of `size` texels at most; None: as they are."""
        if size is None or size >= self.texture.shape[-1]:
            return self
        return self._replace(texture=resized(self.texture, size))

    def edited(self, w_plus: Tensor, paint: Callable[[Tensor], Tensor]) -> Tensor:
        """Change the textures as the generator's change from the nearest codes to others.

        Args:
            w_plus: the codes after an edit, [B, L, dim], or [T, L, dim] of one face in motion.
            paint: from codes to the generator's textures in 0..1.

        Returns:
            [B|T, 3, S, S] in 0..1; unchanged codes without gradient give the bits of `texture`. Gradient: to `w_plus`.
        """
        if w_plus is self.w_plus or (not w_plus.requires_grad and torch.equal(w_plus, self.w_plus)):
            return self.texture
        after, before = paint(w_plus), self.before
        if before is None or before.shape[-1] != after.shape[-1]:
            before = self.known(paint).before
        return keep_detail(self.texture, before.expand(len(w_plus), -1, -1, -1), after)


class Codes(NamedTuple):
    """A face in numbers: what an edit reads and returns."""

    w_plus: Tensor  # [B, L, dim]
    expression: Tensor  # [B, n_expression]
    shape: Tensor  # [B, n_shape] identity, standard deviations
    detail: Detail | None = None  # no edit changes it; None: the faces have the generator's own textures
    # Of the authors' files alone, and changed by no edit:
    unread: Tensor | None = None  # [B, U, dim] levels of codes past those that the generator reads
    pose: Tensor | None = None  # [B, 6] axis-angle of head and jaw, radians; None: at rest

    def moved(self, offsets: Offsets, strength: float = 1.0) -> "Codes":
        """Add offsets times `strength`, which may be negative; 0 and offsets of None change no bit.

        Raises:
            ValueError: if offsets have more coefficients than the codes.
        """
        pairs = zip(Offsets._fields, self, offsets, strict=False)
        return self._replace(**{name: _moved(name, value, offset, strength) for name, value, offset in pairs})

    def reduced(self, size: int | None) -> "Codes":
        """The same with details of `size` texels at most."""
        return self._replace(detail=self.detail and self.detail.reduced(size))

    def to(self, device: torch.device | str) -> "Codes":
        """The same on another device."""
        detail = self.detail and self.detail.each(lambda part: part.to(device))
        unread, pose = (part if part is None else part.to(device) for part in (self.unread, self.pose))
        return Codes(*(part.to(device) for part in self[:3]), detail, unread, pose)

    def rows(self, which: slice | Sequence[int] | Tensor) -> "Codes":
        """Codes of some of the faces."""
        detail = self.detail and self.detail.each(lambda part: part[which])
        unread, pose = (part if part is None else part[which] for part in (self.unread, self.pose))
        return Codes(*(part[which] for part in self[:3]), detail, unread, pose)

    @classmethod
    def joined(cls, parts: Sequence["Codes"]) -> "Codes":
        """Faces of several batches, all with details or all without; details get the size of the largest."""
        details = [part.detail for part in parts if part.detail is not None]
        detail = None
        if details:
            side = max(each.texture.shape[-1] for each in details)
            details = [each._replace(texture=resized(each.texture, side)) for each in details]
            alike = [each for each in zip(*details, strict=True) if all(part is not None for part in each)]
            detail = Detail(*map(torch.cat, alike))
        unread = pose = None
        if any(part.pose is not None for part in parts):
            poses = (part.shape.new_zeros(len(part.shape), 6) if part.pose is None else part.pose for part in parts)
            pose = torch.cat(list(poses))
        if count := max(0 if part.unread is None else part.unread.shape[1] for part in parts):
            unread = torch.cat([part.levels_past_the_generators(count) for part in parts])
        return cls(*(torch.cat(each) for each in zip(*(part[:3] for part in parts), strict=True)), detail, unread, pose)

    def levels_past_the_generators(self, count: int) -> Tensor:
        """`unread` [B, count, dim]; codes without it, whose levels are alike in the authors' way, repeat the last."""
        return self.w_plus[:, -1:].expand(-1, count, -1) if self.unread is None else self.unread[:, :count]


def _moved(name: str, value: Tensor, offset: Tensor | None, strength: float) -> Tensor:
    if offset is None or strength == 0:
        return value
    short = value.shape[-1] - offset.shape[-1]
    if short < 0:
        raise ValueError(
            f"{name}: expected an edit of at most {value.shape[-1]} coefficients, got one of {offset.shape[-1]};"
            " it was trained for another head"
        )
    return value + strength * (functional.pad(offset, (0, short)) if short else offset)


class FaceMapper(SavedMapper):
    """An edit: texture offsets, then the offsets of expression and identity that suit the new texture.

    Attributes:
        region: the part of the face that the edit's texture is kept to (names of `clipface.edit.regions`, joined by
            "+"), or None: all of it. The networks know nothing of it: whoever renders the edit blends the textures
            (`clipface.edit.apply`).
        released: [n_expression] in 0..1, how much of the face's own expression an affine edit gives up; None: nothing.
    """

    NAME = "mapper"

    def __init__(
        self,
        levels: int,
        dim: int,
        n_expression: int,
        layers: int = 4,
        texture: bool = True,
        expression: bool = True,
        n_shape: int = 0,
        region: str | None = None,
        unread: int = 0,
        affine: bool = False,
    ) -> None:
        """Create an edit that changes nothing yet.

        Args:
            levels: levels of the generator's code.
            dim: size of a level.
            n_expression: expression components of the head.
            layers: layers of each network.
            texture: whether the edit may change the texture.
            expression: whether the edit may change the expression.
            n_shape: identity components that the edit may change; 0: none.
            region: see above.
            unread: levels past those that the generator reads, which the expression's mean reads too: the authors'.
            affine: whether offsets are affine in the codes, and the face's own expression may be given up: what a text
                mapper makes; of one layer.

        Raises:
            ValueError: if nothing may change, or a region is given to an edit without texture.
        """
        super().__init__()
        if not (texture or expression or n_shape):
            raise ValueError("model: texture, expression and identity are off, nothing could change; switch one on")
        if region is not None and not isinstance(region, str):
            raise ValueError(f"model.region: expected names of regions, got {str(region)[:40]}")
        if region and not texture:
            raise ValueError(f"model.region: expected an edit of the texture, got {region!r} with texture=false")
        self.config = {
            "levels": levels, "dim": dim, "n_expression": n_expression, "layers": layers,
            "texture": texture, "expression": expression, "n_shape": n_shape, "region": region, "unread": unread,
            "affine": affine,
        }  # fmt: skip
        self.region = region
        if not 1 <= layers <= MOST_LAYERS:
            raise ValueError(f"model.layers: expected 1 to {MOST_LAYERS}, got {layers}")
        hidden = [COEFFICIENT_WIDTH] * (layers - 1)
        last = not affine
        self.texture = LevelwiseMLP(levels + unread, [dim] * (layers + 1), last) if texture else None
        self.expression = CoefficientMapper(1, [dim, *hidden, n_expression], last) if expression else None
        self.identity = CoefficientMapper(1, [dim, *hidden, n_shape], last) if n_shape else None
        self.register_buffer("released", torch.zeros(n_expression) if affine and expression else None)

    def parts(self) -> list[LevelwiseMLP]:
        """The networks that are switched on."""
        return [part for part in (self.texture, self.expression, self.identity) if part is not None]

    def offsets(self, codes: Codes) -> Offsets:
        """What the edit adds to codes at strength 1. Gradient: to the networks and to the codes."""
        w_plus, moved, unread = codes.w_plus, None, self.config["unread"]
        if unread:
            w_plus = torch.cat([w_plus, codes.levels_past_the_generators(unread)], 1)
        if self.texture is not None:
            moved = self.texture(w_plus)
            w_plus = w_plus + moved
            moved = moved[:, : self.config["levels"]]
        expression, identity = (None if part is None else part(w_plus) for part in (self.expression, self.identity))
        if self.released is not None:
            expression = expression - self.released * codes.expression[:, : len(self.released)]
        return Offsets(moved, expression, identity)

    def forward(self, codes: Codes, strength: float = 1.0) -> Codes:
        """Edit codes; a part that is switched off stays as it is. Gradient: to the networks and to the codes."""
        return codes.moved(self.offsets(codes), strength)

    @classmethod
    def from_published(cls, path: str | Path, levels: int) -> "FaceMapper":
        """Read the authors' files: a trained mapper (`level_0` …, with or without `geo`) or `pretrain_mapper.pt`.

        Args:
            path: file written by torch.save; read without running anything in it.
            levels: levels that the generator reads; the files hold two more, kept for the expression's mean.

        Raises:
            FileNotFoundError, ValueError: if the file is missing, cut off, or no such mapper.
        """
        texture, geo, unread = found = read_published_networks(path, levels)
        if found.moving:
            raise ValueError(
                f"published mapper {path}: expected an edit of still faces, got one of animations; give it to "
                "scripts/animate.py or trainer.video_mapper"
            )
        dim, layers = texture.weights[0].shape[2], len(texture.weights)
        expression = None if geo is None else CoefficientMapper.from_published([geo])
        coefficients = 0 if expression is None else expression.weights[-1].shape[1]
        mapper = cls(levels, dim, coefficients, layers, expression=expression is not None, unread=unread)
        mapper.texture, mapper.expression = texture, expression
        return mapper
