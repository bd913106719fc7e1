"""What dlib does for the measures: small upright images of faces, and what tells people apart.

Faces are not detected, which may fail on rendered ones: 68 landmarks say where they are.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from clipface.metrics.packages import package_folder
from clipface.shapes import expect

_NETWORK = "models/dlib_face_recognition_resnet_model_v1.dat"
SAME_PERSON = 0.6  # distance that dlib's author takes as the bound of one person
LIKENESS = 0.45  # distance below which a sampled face counts as a copy of somebody


def aligned_faces(images: Tensor, landmarks: Tensor, size: int, padding: float, extra: str) -> np.ndarray:
    """Cut out faces, turned upright and scaled to one size.

    Args:
        images: [B, 3, H, W] in 0..1.
        landmarks: [B, 68, 2] in pixels, x to the right and y down.
        size: side of the results, pixels.
        padding: around the face, in sizes of its box.
        extra: of setup.py, for the message if dlib is missing.

    Returns:
        [B, size, size, 3] uint8.
    """
    package_folder("dlib", extra, "dlib-bin")
    import dlib

    shapes = _shapes(images, landmarks)
    return np.stack([dlib.get_face_chip(image, shape, size, padding) for image, shape in shapes])


class FaceEmbedder:
    """Images and their landmarks to vectors that are near for images of the same person.

    Source: dlib's ResNet with 29 layers (King, 2017), trained on photographs; public domain.

    Raises:
        ModuleNotFoundError: if a package is missing; says how to install it.
    """

    def __init__(self) -> None:
        package_folder("dlib", "identity", "dlib-bin")
        # The package itself is not imported: it needs another that newer Pythons lack. Only its file is read.
        folder = package_folder("face_recognition_models", "identity", "face-recognition-models")
        import dlib

        self._network = dlib.face_recognition_model_v1(str(folder / _NETWORK))

    def __call__(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Embed faces.

        Args:
            images: [B, 3, H, W] in 0..1; faces about 150 pixels wide or more.
            landmarks: [B, 68, 2] in pixels, x to the right and y down.

        Returns:
            [B, 128] on the CPU, about of length 1.
        """
        shapes = _shapes(images, landmarks)
        return torch.tensor([list(self._network.compute_face_descriptor(image, shape)) for image, shape in shapes])


def identity_kept(before: Tensor, after: Tensor) -> dict[str, float]:
    """Compare embeddings [B, D] of the same people before and after an edit.

    Returns:
        `distance` and `cosine`, means over the people; `recognised`, the share nearest to their own original; `kept`,
        the share nearer to it than `SAME_PERSON`; and `others`, the mean distance of different originals.

    Raises:
        ValueError: if there is one person only.
    """
    count = expect("before", before, ("B", "D"))["B"]
    expect("after", after, before.shape)
    if count < 2:
        raise ValueError("before: expected embeddings of two people or more, got one")
    apart = ~torch.eye(count, dtype=torch.bool)
    distance = (after - before).norm(dim=1)
    return {
        "distance": distance.mean().item(),
        "cosine": F.cosine_similarity(before, after, dim=1).mean().item(),
        "recognised": (torch.cdist(after, before).argmin(1) == torch.arange(count)).float().mean().item(),
        "kept": (distance < SAME_PERSON).float().mean().item(),
        "others": torch.cdist(before, before)[apart].mean().item(),
    }


def _shapes(images: Tensor, landmarks: Tensor) -> list[tuple[np.ndarray, object]]:
    """Pixels and landmarks as dlib takes them."""
    import dlib

    batch = expect("images", images, ("B", 3, "H", "W"))["B"]
    expect("landmarks", landmarks, (batch, 68, 2))
    pixels = (images.detach().float().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    found = []
    for image, points in zip(pixels, landmarks.round().long().tolist(), strict=True):
        across, down = zip(*points, strict=True)
        box = dlib.rectangle(min(across), min(down), max(across), max(down))
        shape = dlib.full_object_detection(box, [dlib.point(x, y) for x, y in points])
        found.append((np.ascontiguousarray(image), shape))
    return found
