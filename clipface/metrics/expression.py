"""Faces → expressions, by a network that nothing in this project is trained against.

Source: the network of the package PyEmotion (Karthick Nagarajan, MIT), trained on small grey photographs.
"""

from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clipface.metrics.packages import package_folder
from clipface.shapes import expect

EXPRESSIONS = ("angry", "disgust", "fear", "happy", "sad", "surprised", "neutral")
_WEIGHTS = "model/main_model.pkl"
_SIDE = 48  # pixels, that it was trained with
_LUMA = (0.299, 0.587, 0.114)
# Crops that are averaged, in heights of the box around the 68 landmarks. One alone is fickle: a step of a pixel changes
# its answer. These, together with their mirrors, best tell smiling from neutral photographs of the London set (79 %
# and 98 % right) and portraits (98 % and 72 %: it takes folds of old cheeks for smiles).
_WIDTHS, _HEIGHTS, _RISES = (0.80, 0.88, 0.96), (1.05, 1.15), (0.08, 0.13, 0.18)
_FINER = 4  # times, that crops are sampled at, then averaged


class ExpressionClassifier(nn.Module):
    """Images and their landmarks to probabilities of expressions.

    Raises:
        ModuleNotFoundError: if the package is missing; says how to install it.
    """

    def __init__(self) -> None:
        super().__init__()
        # The package itself is not imported: it needs a face detector and OpenCV.
        path = package_folder("PyEmotion", "metrics", "PyEmotion") / _WEIGHTS
        channels = (1, 32, 64, 128, 256)
        for number, (given, made) in enumerate(zip(channels, channels[1:], strict=False), 1):
            layers = nn.ReflectionPad2d(1), nn.Conv2d(given, made, 3, 1 if number == 1 else 2), nn.BatchNorm2d(made)
            self.add_module(f"conv_{number}", nn.Sequential(*layers, nn.ReLU()))
        features = channels[-1] * (_SIDE // 8) ** 2
        # The package ends in a sigmoid, which bounds what a softmax can tell; without it both rank alike.
        self.linear = nn.Sequential(nn.Linear(features, 256), nn.ReLU(), nn.Linear(256, len(EXPRESSIONS)))
        self.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["network"])
        self.eval().requires_grad_(False)

    @torch.no_grad()
    def forward(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Classify faces.

        Args:
            images: [B, 3, H, W] in 0..1.
            landmarks: [B, 68, 2] in pixels, x to the right and y down.

        Returns:
            [B, 7] probabilities of `EXPRESSIONS`, the mean over crops; each row has the sum 1.
        """
        batch = expect("images", images, ("B", 3, "H", "W"))["B"]
        expect("landmarks", landmarks, (batch, 68, 2))
        grey = (images.float() * images.new_tensor(_LUMA)[:, None, None]).sum(1, keepdim=True)
        crops = [_crop(grey, landmarks.to(grey), *box) for box in product(_WIDTHS, _HEIGHTS, _RISES)]
        found = [self._logits(crop).softmax(1) + self._logits(crop.flip(-1)).softmax(1) for crop in crops]
        return torch.stack(found).mean(0) / 2

    def _logits(self, crops: Tensor) -> Tensor:
        values = crops * 2 - 1
        for number in range(1, 5):
            values = self.get_submodule(f"conv_{number}")(values)
        return self.linear(values.flatten(1))


def _crop(grey: Tensor, landmarks: Tensor, width: float, height: float, rise: float) -> Tensor:
    """Crops [B, 1, 48, 48] of images [B, 1, H, W], about the landmarks' box and a little higher."""
    low, high = landmarks.amin(1), landmarks.amax(1)
    unit = (high - low)[:, 1:]  # [B, 1] pixels
    centre = (low + high) / 2 - unit * unit.new_tensor([0.0, rise])
    size = grey.new_tensor([grey.shape[-1], grey.shape[-2]])
    half = unit * unit.new_tensor([width, height]) / size  # of the image's [-1, 1]
    middle = (2 * centre + 1) / size - 1
    turn = torch.cat([torch.diag_embed(half), middle[:, :, None]], 2)
    side = _SIDE * _FINER
    places = F.affine_grid(turn, [len(grey), 1, side, side], align_corners=False)
    return F.avg_pool2d(F.grid_sample(grey, places, padding_mode="border", align_corners=False), _FINER)
