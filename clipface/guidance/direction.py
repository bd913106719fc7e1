"""The loss that guides an edit: the picture's change in the encoder's space should point where the words point.

Source: ClipFace (arXiv 2212.01406), section 3.2, after StyleGAN-NADA (arXiv 2108.00946), section 4.1.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from clipface.guidance.encoder import Encoder
from clipface.shapes import expect

SOURCE_PHRASE = "a photo of a face"


class DirectionalLoss(nn.Module):
    """1 - cos(E(edited) - E(original), E(target) - E(source)), the words encoded once at construction."""

    def __init__(self, encoder: Encoder, target: str, source: str = SOURCE_PHRASE, floor: float = 0.1) -> None:
        """Encode the words.

        Args:
            encoder: frozen.
            target: what the picture should become.
            source: what the original picture is.
            floor: a change of the picture shorter than this (features have length 1) counts as this long. An edit
                starts at no change at all, where the cosine has no value, and its gradient nearby no bound; below the
                floor the loss is linear instead, 1 at no change, and its gradient points along the text's direction.
                A larger floor asks for a stronger edit: painted expressions change features by 0.55, looks by 1.1.

        Raises:
            ValueError: if target and source mean the same to the encoder, or floor is not positive.
        """
        super().__init__()
        if floor <= 0:
            raise ValueError(f"floor: a number above 0 is wanted, {floor} was given")
        self.encoder = encoder
        self.floor = floor
        target_features, source_features = encoder.encode_text([target, source])
        change = target_features - source_features
        if change.norm() < 1e-4:
            raise ValueError(
                f"target: words with another meaning than the source {source!r} are wanted, {target!r} was given"
                f" (words the encoder does not know: {', '.join(encoder.unknown_words(target)) or 'none'})"
            )
        self.register_buffer("direction", functional.normalize(change, dim=0), persistent=False)  # [D]

    def forward(self, edited: Tensor, original: Tensor) -> Tensor:
        """Compare the pictures' change with the words'.

        Args:
            edited: pictures [B, 3, H, W] in 0..1.
            original: the same views unedited: pictures [B, 3, H, W] in 0..1, or their features [B, D] if known already.

        Returns:
            The mean over the batch: 0 (agrees) .. 1 (no change, or unrelated) .. 2 (opposite).

        Gradient:
            To `edited` only; finite everywhere.
        """
        return (1 - self.agreement(edited, original)).mean()

    def agreement(self, edited: Tensor, original: Tensor, floor: float | None = None) -> Tensor:
        """The cosine of each picture's change with the words' change, [B]; arguments as in `forward`.

        Changes shorter than `floor` (None: the loss's own) count for less.
        """
        if original.ndim == 4:
            with torch.no_grad():
                original = self.encoder.encode_image(original)
        features = self.encoder.encode_image(edited)
        expect("original", original, features.shape)
        change = features - original
        # Clamped before the root, whose gradient at zero is infinite: no change is divided by a constant.
        length = change.square().sum(-1, keepdim=True).clamp_min((floor or self.floor) ** 2).sqrt()
        return (change / length) @ self.direction
