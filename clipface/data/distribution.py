"""How the heads of a data set are distributed: mean and covariance of their parameters, to sample new heads from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from clipface.arrays import read_arrays
from clipface.files import replacing

# Scale is kept as its logarithm, which is nearer to normal and stays positive.
BLOCKS = ("shape", "expression", "pose", "eye_pose", "scale", "translation")
KEYS = ("mean", "covariance", "sizes", "bounded", "count")
LEAST_SHARE = 1e-7  # of the largest variance; directions with less are rounding errors of the covariance


@dataclass(frozen=True)
class FitDistribution:
    """A normal distribution over all parameters of a fitted head at once.

    They are not independent: a turned head sits elsewhere in the image, and a smile comes with cheeks.

    Attributes:
        mean: [D], the blocks `BLOCKS` one after the other.
        covariance: [D, D].
        sizes: length of each block.
        bounded: [E] bool, expression slots with names, which only mean something within [0, 1].
        count: heads it was made from.
    """

    mean: np.ndarray
    covariance: np.ndarray
    sizes: Mapping[str, int]
    bounded: np.ndarray
    count: int

    @classmethod
    def fit(cls, heads: Mapping[str, np.ndarray], bounded: Sequence[bool] | np.ndarray) -> "FitDistribution":
        """Measure the distribution of heads.

        Args:
            heads: [N, ...] arrays of every block: shape, expression, pose (6), eye_pose (6), scale (N,), translation
                (2); see HeadFit.
            bounded: [E], which expression slots stay within [0, 1].

        Raises:
            ValueError: if a block is missing, there are no heads, or a value is not finite.
        """
        lacking = [name for name in BLOCKS if name not in heads]
        if lacking:
            raise ValueError(f"heads: expected {', '.join(BLOCKS)}, got no {', '.join(lacking)}")
        count = len(heads["shape"])
        blocks = {name: np.asarray(heads[name], np.float64).reshape(count, -1) for name in BLOCKS}
        blocks["scale"] = np.log(blocks["scale"])
        rows = np.concatenate(list(blocks.values()), 1)
        if not count or not np.isfinite(rows).all():
            raise ValueError(f"heads: expected at least one with finite values, got {count}")
        mean = rows.mean(0)
        covariance = (rows - mean).T @ (rows - mean) / max(1, count - 1)
        sizes = {name: block.shape[1] for name, block in blocks.items()}
        return cls(mean, covariance, sizes, np.asarray(bounded, bool), count)

    def factor(self) -> np.ndarray:
        """[D, K] with factor @ factorᵀ = covariance; K counts the directions in which the heads vary.

        Taken from the eigenvectors, so it exists also with fewer heads than parameters.
        """
        values, vectors = np.linalg.eigh(self.covariance)
        kept = values > max(values.max(), 0) * LEAST_SHARE
        return vectors[:, kept] * np.sqrt(values[kept])

    def sample(self, count: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Sample heads.

        Args:
            count: N.
            generator: source of randomness; the heads live on its device.

        Returns:
            float32 tensors shape [N, S], expression [N, E] (bounded slots within [0, 1]), pose [N, 6], eye_pose
            [N, 6], scale [N], translation [N, 2].
        """
        device = generator.device
        factor = torch.from_numpy(self.factor()).float().to(device)
        normal = torch.randn(count, factor.shape[1], generator=generator, device=device)
        rows = torch.from_numpy(self.mean).float().to(device) + normal @ factor.T
        heads = dict(zip(BLOCKS, rows.split([self.sizes[name] for name in BLOCKS], 1), strict=True))
        bounded = torch.from_numpy(self.bounded).to(device)
        heads["expression"] = torch.where(bounded, heads["expression"].clamp(0, 1), heads["expression"])
        heads["scale"] = heads["scale"][:, 0].exp()
        return heads

    def save(self, path: str | Path) -> None:
        """Write an `.npz`."""
        sizes = np.array([self.sizes[name] for name in BLOCKS])
        arrays = {"mean": self.mean, "covariance": self.covariance, "sizes": sizes, "bounded": self.bounded}
        with replacing(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, **arrays, count=np.array(self.count))

    @classmethod
    def load(cls, path: str | Path) -> "FitDistribution":
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it is damaged.
        """
        arrays = read_arrays(
            path, "distribution", KEYS, "it is damaged or missing; `python scripts/prepare_photos.py` writes it"
        )
        try:
            if (
                any(array.dtype.kind not in "biuf" for array in arrays.values())
                or arrays["sizes"].dtype.kind not in "iu"
            ):
                raise ValueError("expected numbers, got text")
            sizes = dict(zip(BLOCKS, arrays["sizes"].tolist(), strict=True))
            if min(sizes.values()) < 0:
                raise ValueError("expected sizes from 0 up")
            total = sum(sizes.values())
            mean, covariance = arrays["mean"].reshape(total), arrays["covariance"].reshape(total, total)
            bounded = arrays["bounded"].reshape(sizes["expression"]).astype(bool)
            return cls(mean, covariance, sizes, bounded, int(arrays["count"]))
        except (TypeError, ValueError) as error:  # arrays that do not fit each other
            raise ValueError(f"distribution: {path} is damaged ({error}); run prepare_photos.py again") from error
