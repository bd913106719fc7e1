"""What a texture generator must surpass: the mean of baked textures, and a linear model of them."""

import torch
from torch import Tensor

from clipface.shapes import expect


class LinearTextures:
    """Principal components of textures, whose coefficients are normal and independent.

    Args:
        textures: [N, 3, R, R], in any range.
        directions: at most this many; 0: only the mean.
    """

    def __init__(self, textures: Tensor, directions: int) -> None:
        count = expect("textures", textures, ("N", 3, "R", "R"))["N"]
        if not 0 <= directions < count:
            raise ValueError(f"directions: expected 0 to {count - 1} for {count} textures, got {directions}")
        self.mean = textures.mean(0)
        centred = (textures - self.mean).flatten(1)
        # There are far fewer textures than texels: the eigenvectors of their products are enough.
        values, vectors = torch.linalg.eigh((centred @ centred.T).double() / (count - 1))
        kept = values.flip(0)[:directions] > 1e-9
        vectors = vectors.flip(1)[:, :directions][:, kept].to(textures.dtype)
        # Directions of one standard deviation.
        self.directions = (vectors.T @ centred).unflatten(1, self.mean.shape) / (count - 1) ** 0.5

    def __call__(self, count: int, generator: torch.Generator) -> Tensor:
        """Sample textures [count, 3, R, R], about in that range; the random numbers come from the generator."""
        return self.textures(torch.randn(count, len(self.directions), generator=generator).to(self.mean))

    def textures(self, coefficients: Tensor) -> Tensor:
        """Textures [B, 3, R, R] of coefficients [B, directions], in standard deviations."""
        return self.mean + torch.tensordot(coefficients, self.directions, 1)
