"""CLIP's models as OpenAI publishes them, and the network of FID: as large as theirs, with random numbers."""

from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from clipface import startup

MODELS = ("ViT-B-32", "ViT-B-16", "ViT-L-14")
INCEPTION = "weights-inception-2015-12-05-6726825d.pth"


class Part(nn.Module):
    """A module with parameters and parts by name, which TorchScript takes."""

    def forward(self, x: Tensor) -> Tensor:
        """Nothing is computed with it."""
        return x


def write_encoders(folder: Path) -> None:
    """Write clip/ViT-B-32.pt, ViT-B-16.pt and ViT-L-14.pt, TorchScript archives in half precision, 1.4 GB together."""
    from clipface.guidance.encoder import random_open_clip

    (folder / "clip").mkdir(parents=True, exist_ok=True)
    for name in MODELS:
        model = random_open_clip(f"{name}-quickgelu").model
        sizes = {"input_resolution": model.visual.image_size[0], "context_length": 77, "vocab_size": 49408}
        state = {key: value.half() for key, value in model.state_dict().items()}
        state |= {key: torch.tensor(size) for key, size in sizes.items()}
        torch.jit.save(torch.jit.script(as_parts(state)), folder / "clip" / f"{name}.pt")


def as_parts(state: dict[str, Tensor]) -> Part:
    """A tree of parts that holds a state dict."""
    root = Part()
    for name, value in state.items():
        part, (*path, last) = root, name.split(".")
        for step in path:
            if step not in part._modules:
                part.add_module(step, Part())
            part = part._modules[step]
        if value.is_floating_point():
            part.register_parameter(last, nn.Parameter(value, requires_grad=False))
        else:
            part.register_buffer(last, value)
    return root


def fidelity() -> ModuleType:
    """The package's module with the network of FID; raises ImportError if it is missing, with how to get it."""
    remedy = "--encoders writes the network of FID by torch-fidelity: pip install -e '.[metrics]'"
    return startup.need("torch_fidelity.feature_extractor_inceptionv3", remedy)


def write_inception(folder: Path) -> None:
    """Write metrics/weights-inception-….pth, for FID, under torch-fidelity's names."""
    FeatureExtractorInceptionV3 = fidelity().FeatureExtractorInceptionV3

    class Untrained(FeatureExtractorInceptionV3):
        def load_state_dict(self, *given: object, **more: object) -> None:
            """Stay as it is."""

    (folder / "metrics").mkdir(parents=True, exist_ok=True)
    path = folder / "metrics" / INCEPTION
    torch.save({}, path)
    network = Untrained("inception", ["2048"], str(path))
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):  # as PyTorch begins, features would vanish, and every FID be 0
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    torch.save(network.state_dict(), path)
