"""A linear (PCA) model of textures without light, made of baked ones."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clipface import assets, weights
from clipface.head import HeadModel
from clipface.head.mesh import check_uv_map, topology, uv_map_hash
from clipface.shapes import expect

LINEAR_FILE = "linear_textures.safetensors"  # beside the generator whose codes it anchors
ROUNDS = 8  # of filling hidden texels by what the model makes of the visible ones
LEAST_VISIBLE = 0.02  # weight of a hidden texel, against 1


class TextureModel:
    """Mean texture plus directions, each scaled to one standard deviation.

    Args:
        mean: [3, R, R] in 0..1.
        directions: [K, 3, M], by how much the colours of M texels change.
        texels: [M] int64, their places in the flattened texture; all others keep the mean.
    """

    def __init__(self, mean: Tensor, directions: Tensor, texels: Tensor) -> None:
        size = expect("mean", mean, (3, "R", "R"))["R"]
        sizes = expect("directions", directions, ("K", 3, "M"))
        expect("texels", texels, (sizes["M"],))
        self.mean, self.directions, self.texels = mean, directions, texels
        self.size, self.count = size, sizes["K"]

    def __call__(self, coefficients: Tensor) -> Tensor:
        """Textures [B, 3, R, R] from coefficients [B, K]. Gradient: to the coefficients."""
        batch = expect("coefficients", coefficients, ("B", self.count))["B"]
        change = (coefficients @ self.directions.flatten(1)).view(batch, 3, -1)
        flat = self.mean.flatten(1).expand(batch, -1, -1)
        return flat.index_add(2, self.texels, change).view(batch, 3, self.size, self.size)

    def to(self, device: torch.device | str) -> "TextureModel":
        """The same on another device."""
        return TextureModel(self.mean.to(device), self.directions.to(device), self.texels.to(device))

    def save(self, path: str | Path, head: HeadModel, base: Tensor, note: str) -> Path:
        """Write the model as float16 and the base in 8 bits, with the head they are of.

        Args:
            path: file ending in `.safetensors`.
            head: whose chart it paints.
            base: [3, R', R'] in 0..1, a full texture, from which completion starts.
            note: what it was made of, and whom to credit.
        """
        tensors = {"mean": self.mean, "directions": self.directions, "texels": self.texels.int()}
        tensors["base"] = base.clamp(0, 1).mul(255).round().byte()
        of = {"topology": topology(head), "uv_map": uv_map_hash(head)}
        config = {**of, "size": self.size, "count": self.count, "note": note}
        return weights.save(path, tensors, config, half=True)


def load_texture_model(head: HeadModel, path: str | Path | None = None) -> tuple[TextureModel, Tensor] | None:
    """Read the model of a head, and its base texture [3, R', R'].

    Args:
        head: the model must be of its chart.
        path: a file that `TextureModel.save` wrote; left out, the shipped one, which is of the open head: for any other
            head None is returned.

    Raises:
        ValueError: if the file named is of another head, of another UV map, or of an earlier version.
    """
    tensors, config = weights.load(path or assets.resolve("texture_model"))
    if config.get("topology") != topology(head):
        if path is None:
            return None
        raise ValueError(f"path: expected a texture model of {head.source}, got one of another head in {path}")
    remedy = "build it again by scripts/recipes/build_texture_model.py"
    check_uv_map(f"texture model {path or ''}".rstrip(), config.get("uv_map"), head, remedy)
    what, device = f"texture model {path or ''}".rstrip(), head.v_template.device
    weights.check_keys(("mean", "directions", "texels", "base"), tensors, what)
    base, texels = tensors["base"], tensors["texels"].long()
    try:
        expect("base", base, (3, "R", "R"))
        model = TextureModel(tensors["mean"].float(), tensors["directions"].float(), texels)
        if base.dtype != torch.uint8 or not base.numel():
            raise ValueError(f"base: expected a texture of 8 bits, got {base.dtype} of shape {tuple(base.shape)}")
        if not ((texels >= 0) & (texels < model.size**2)).all():
            raise ValueError(f"texels: expected numbers from 0 to {model.size**2 - 1}, got others")
    except ValueError as error:
        raise ValueError(f"{what}: {error}; {remedy}") from error
    return model.to(device), base.to(device).float() / 255


@torch.no_grad()
def build_texture_model(textures: Tensor, weight: Tensor, region: Tensor, count: int) -> TextureModel:
    """Principal components of textures that are visible in part.

    Args:
        textures: [N, 3, R, R] in 0..1, completed.
        weight: [N, 1, R, R] in 0..1, how visible each texel was: the rest is only a guess.
        region: [R, R] bool, the texels that vary.
        count: number of directions, at most N - 1.

    Source: components of incomplete data by alternating reconstruction and projection (Roweis, "EM algorithms for PCA
    and SPCA", 1997, section 4).
    """
    number = expect("textures", textures, ("N", 3, "R", "R"))["N"]
    if not 0 < count < number:
        raise ValueError(f"count: expected 1 to {number - 1} directions from {number} textures, got {count}")
    texels = torch.nonzero(region.flatten())[:, 0]
    data = textures.flatten(2)[..., texels]
    visible = weight.flatten(2)[..., texels].clamp_min(LEAST_VISIBLE)
    filled = data.clone()
    for _ in range(ROUNDS):
        mean = filled.mean(0)
        centred = (filled - mean).flatten(1)
        values, vectors = torch.linalg.eigh(centred @ centred.T / number)  # N is far smaller than 3 M
        values, vectors = values[-count:].flip(0).clamp_min(1e-12), vectors[:, -count:].flip(1)
        directions = (vectors.T @ centred) / number**0.5  # [K, 3 M], one standard deviation long
        coefficients = vectors * number**0.5  # [N, K], of unit variance
        model = mean + (coefficients @ directions).view_as(data)
        filled = data * visible + model * (1 - visible)
    full = textures.mean(0).flatten(1)
    full[:, texels] = mean
    return TextureModel(full.view(textures.shape[1:]), directions.view(count, 3, -1), texels)


class LinearTextures(nn.Module):
    """Principal components of textures, whose coefficients are normal and independent.

    Args:
        mean: [3, R, R].
        directions: [K, 3, R, R], of one standard deviation each, at right angles to each other.
        explained: share of the variance that the directions hold.
    """

    def __init__(self, mean: Tensor, directions: Tensor, explained: float = 1.0) -> None:
        super().__init__()
        side = expect("mean", mean, (3, "R", "R"))["R"]
        expect("directions", directions, ("K", 3, side, side))
        self.explained = explained
        self.register_buffer("mean", mean)
        self.register_buffer("directions", directions)

    @classmethod
    def fit(cls, textures: Tensor, directions: int, weight: Tensor | None = None) -> "LinearTextures":
        """Find the directions in which textures vary most.

        Args:
            textures: [N, 3, R, R], in any range.
            directions: at most this many; 0: only the mean.
            weight: [N], how often each texture counts; None: all alike.
        """
        count = expect("textures", textures, ("N", 3, "R", "R"))["N"]
        if not 0 <= directions < count:
            raise ValueError(f"directions: expected 0 to {count - 1} for {count} textures, got {directions}")
        flat = textures.flatten(1).double()
        share = flat.new_ones(count) if weight is None else weight.to(flat)
        share = (share / share.sum())[:, None]
        mean = (share * flat).sum(0)
        centred = (flat - mean) * (share / (1 - share.square().sum())).sqrt()
        # There are far fewer textures than texels: the eigenvectors of their products are enough.
        values, vectors = torch.linalg.eigh(centred @ centred.T)
        kept = values.flip(0)[:directions] > 1e-9
        vectors = vectors.flip(1)[:, :directions][:, kept]
        explained = float(values.flip(0)[:directions][kept].sum() / values.sum().clamp_min(1e-12))
        # To what a file keeps: a run learns the model that it writes, and the order of sums makes no other one.
        parts = (part.unflatten(-1, textures.shape[1:]) for part in (mean, vectors.T @ centred))
        mean, found = (part.half().to(textures.dtype) for part in parts)
        return cls(mean, found, explained)

    @property
    def count(self) -> int:
        """K, the number of coefficients."""
        return len(self.directions)

    @property
    def size(self) -> int:
        """R, the side of its textures."""
        return self.mean.shape[-1]

    def forward(self, count: int, generator: torch.Generator) -> Tensor:
        """Sample textures [count, 3, R, R], about in that range; the random numbers come from the generator."""
        return self.textures(torch.randn(count, self.count, generator=generator).to(self.mean))

    def textures(self, coefficients: Tensor) -> Tensor:
        """Textures [B, 3, R, R] of coefficients [B, K], in standard deviations."""
        return self.mean + torch.tensordot(coefficients, self.directions, 1)

    def coefficients(self, textures: Tensor) -> Tensor:
        """Coefficients [B, K] of the nearest textures that the model can make.

        Args:
            textures: [B, 3, S, S] in the model's range; larger ones are averaged to its size, S a multiple of it.

        Gradient: to textures.
        """
        sizes = expect("textures", textures, ("B", 3, "S", "S"))
        side = self.size
        if sizes["S"] % side:
            raise ValueError(f"textures: expected a side that is a multiple of {side}, got {sizes['S']}")
        reduced = F.avg_pool2d(textures, sizes["S"] // side) - self.mean
        directions = self.directions.flatten(1)
        return reduced.flatten(1) @ (directions / directions.square().sum(1, keepdim=True)).T

    def save(self, path: str | Path, uv_map: str | None, note: str) -> Path:
        """Write the model as float16.

        Args:
            path: file ending in `.safetensors`.
            uv_map: hash of the textures' UV map; None: not known.
            note: what it was made of.
        """
        config = {
            "size": self.size, "count": self.count, "explained": self.explained, "uv_map": uv_map, "note": note,
        }  # fmt: skip
        return weights.save(path, self.state_dict(), config, half=True)

    @classmethod
    def from_weights(cls, path: str | Path) -> "LinearTextures":
        """Read what `save` wrote.

        Raises:
            FileNotFoundError, ValueError: if a file is missing, cut off, or does not fit.
        """
        tensors, config = weights.load(path)
        weights.check_keys(("mean", "directions"), tensors, str(path))
        explained = config.get("explained", 1.0)
        if not isinstance(explained, int | float) or not 0 <= explained <= 1:
            raise ValueError(f"{path}: explained: expected a number from 0 to 1, got {str(explained)[:60]!r}")
        try:
            return cls(tensors["mean"], tensors["directions"], float(explained))
        except ValueError as error:
            raise ValueError(f"{path}: {error}; it is damaged or no linear model of textures") from error
