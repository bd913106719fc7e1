"""Distances between two sets of images: FID and KID, through torchmetrics.

Source: Fréchet distance of features (Heusel et al., arXiv 1706.08500); kernel distance (Bińkowski et al.,
arXiv 1801.01401).
"""

import warnings

import torch
from torch import Tensor, nn

LEAST = 4  # images of a kind
SUBSETS = 50  # of the kernel distance, which is the mean over them
LARGEST_SUBSET = 1000  # images; of smaller sets, half are sampled


class Distances(nn.Module):
    """Collects images, and compares the real ones with fakes; sums over processes where several train.

    Args:
        features: from `load_features`.
    """

    def __init__(self, features: nn.Module) -> None:
        from torchmetrics.image.fid import FrechetInceptionDistance
        from torchmetrics.image.kid import KernelInceptionDistance

        super().__init__()
        self.features = features
        # Features are computed once for both: what they are given stands for a network's.
        given = nn.Identity()
        given.num_features = features.num_features
        self.frechet = FrechetInceptionDistance(given, reset_real_features=False)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*will save all extracted features.*")
            self.kernel = KernelInceptionDistance(given, SUBSETS, LARGEST_SUBSET, reset_real_features=False)

    @torch.no_grad()
    def add(self, images: Tensor, real: bool) -> None:
        """Add images [B, 3, H, W] in [-1, 1]."""
        found = self.features(images)
        self.frechet.update(found, real=real)
        self.kernel.update(found, real=real)

    @torch.no_grad()
    def compute(self) -> dict[str, float]:
        """Compare all real images with the fakes since the last call: `fid` and `kid`; the fakes are then forgotten.

        Raises:
            ValueError: if there are fewer than four images of a kind.
        """
        counts = int(self.frechet.real_features_num_samples), int(self.frechet.fake_features_num_samples)
        if min(counts) < LEAST:
            raise ValueError(f"images: expected at least {LEAST} real ones and fakes, got {counts}")
        self.kernel.subset_size = min(LARGEST_SUBSET, min(counts) // 2)
        with torch.random.fork_rng():  # KID samples its subsets: the same ones each time, other numbers stay
            torch.manual_seed(0)
            found = {"fid": float(self.frechet.compute()), "kid": float(self.kernel.compute()[0])}
        self.frechet.reset()
        self.kernel.reset()
        return found
