"""Faces → what tells people apart: dlib's face recognition network, whose weights come in a Python package."""

import importlib.util
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clipface.shapes import expect

_PACKAGE, _WEIGHTS = "face_recognition_models", "models/dlib_face_recognition_resnet_model_v1.dat"
_INSTALL = 'install it with `pip install -e ".[identity]"`'


class FaceEmbedder:
    """Images and their landmarks to vectors that are near for images of the same person.

    Faces are not detected, which may fail on rendered ones: the landmarks say where they are.

    Source: dlib's ResNet with 29 layers (King, 2017), trained on photographs; public domain.

    Raises:
        ModuleNotFoundError: if a package is missing; says how to install it.
    """

    def __init__(self) -> None:
        for module, package in (("dlib", "dlib-bin"), (_PACKAGE, "face-recognition-models")):
            if importlib.util.find_spec(module) is None:
                raise ModuleNotFoundError(f"identity: the package {package} is missing; {_INSTALL}")
        import dlib

        # The package itself is not imported: it needs another that newer Pythons lack. Only its file is read.
        folder = importlib.util.find_spec(_PACKAGE).submodule_search_locations[0]
        self._network = dlib.face_recognition_model_v1(str(Path(folder) / _WEIGHTS))

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
        "cosine": functional.cosine_similarity(before, after, dim=1).mean().item(),
        "recognised": (torch.cdist(after, before).argmin(1) == torch.arange(count)).float().mean().item(),
        "others": torch.cdist(before, before)[apart].mean().item(),
    }
