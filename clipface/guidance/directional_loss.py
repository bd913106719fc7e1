"""The loss that guides an edit: the image's change in the encoder's space should point where the words point.

Source: ClipFace (arXiv 2212.01406), section 3.2, after StyleGAN-NADA (arXiv 2108.00946), section 4.1.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from clipface.guidance.encoder import Encoder
from clipface.settings import SOURCE_PHRASE
from clipface.shapes import expect


class DirectionalLoss(nn.Module):
    """1 - cos(E(edited) - E(original), E(target) - E(source)), the words encoded once at construction."""

    def __init__(
        self,
        encoder: Encoder,
        target: str,
        source: str = SOURCE_PHRASE,
        floor: float = 0.1,
        negative: str = "",
        negative_weight: float = 0.5,
        templates: Sequence[str] = ("{}",),
    ) -> None:
        """Encode the words.

        Args:
            encoder: frozen.
            target: what the image should become.
            source: what the original image is.
            floor: a change of the image shorter than this (features have length 1) counts as this long. An edit
                starts at no change at all, where the cosine has no value, and its gradient nearby no bound; below the
                floor the loss is linear instead, 1 at no change, and its gradient points along the text's direction.
                A larger floor asks for a stronger edit: painted expressions change features by 0.55, looks by 1.1.
            negative: what the image should not become; empty: nothing.
            negative_weight: how much the direction from the negative to the target counts; that from the source to the
                target counts 1.
            templates: sentences with {} for each of the phrases above; their features are averaged.

        Raises:
            ValueError: if target and source mean the same to the encoder, a template has no {}, or floor is not
                positive.
        """
        super().__init__()
        if floor <= 0:
            raise ValueError(f"floor: expected a number above 0, got {floor}")
        self.encoder = encoder
        self.floor = floor
        phrases = [target, source, *([negative] if negative else [])]
        target_features, *other_features = encode_phrases(encoder, phrases, templates)
        changes = [target_features - other for other in other_features]
        for change, other, name in zip(changes, phrases[1:], ("source", "negative"), strict=False):
            if change.norm() < 1e-4:
                raise ValueError(
                    f"target: expected words with another meaning than the {name} {other!r}, got {target!r}"
                    f" (words the encoder does not know: {', '.join(encoder.unknown_words(target)) or 'none'})"
                )
        change = changes[0] + (negative_weight * changes[1] if negative else 0)
        self.register_buffer("direction", functional.normalize(change, dim=0), persistent=False)  # [D]
        self.register_buffer("target", target_features, persistent=False)  # [D], length 1

    def forward(self, edited: Tensor, original: Tensor) -> Tensor:
        """Compare the images' change with the words'.

        Args:
            edited: images [B, 3, H, W] in 0..1, or their features [B, D] if known already.
            original: the same views unedited, likewise.

        Returns:
            The mean over the batch: 0 (agrees) .. 1 (no change, or unrelated) .. 2 (opposite).

        Gradient:
            To `edited` only; finite everywhere.
        """
        return (1 - self.agreement(edited, original)).mean()

    def agreement(self, edited: Tensor, original: Tensor, floor: float | None = None) -> Tensor:
        """The cosine of each image's change with the words' change, [B]; arguments as in `forward`.

        Changes shorter than `floor` (None: the loss's own) count for less.
        """
        if original.ndim == 4:
            with torch.no_grad():
                original = self.encoder.encode_image(original)
        features = self.encoder.encode_image(edited) if edited.ndim == 4 else edited
        expect("original", original, features.shape)
        return change_agreement(features, original, self.direction, floor or self.floor)

    def similarity(self, images: Tensor) -> Tensor:
        """The cosine of images, or features as in `forward`, with the target's words, [B]."""
        features = self.encoder.encode_image(images) if images.ndim == 4 else images
        return _cosine(features, self.target)


class EncoderMean(nn.Module):
    """Several encoders' directional losses, averaged: what fools one of them seldom fools another."""

    def __init__(self, losses: Sequence[DirectionalLoss]) -> None:
        """Put losses of one target side by side.

        Args:
            losses: one of each encoder, at least one.
        """
        super().__init__()
        if not losses:
            raise ValueError("losses: expected at least one, got none")
        self.losses = nn.ModuleList(losses)

    def encode(self, images: Tensor) -> list[Tensor]:
        """Encode images [B, 3, H, W] in 0..1 by every encoder: features [B, D], D each encoder's own."""
        return [loss.encoder.encode_image(images) for loss in self.losses]

    def forward(self, edited: Tensor | Sequence[Tensor], original: Tensor | Sequence[Tensor]) -> Tensor:
        """The mean loss, see `DirectionalLoss`; images, or what `encode` made of them."""
        return (1 - self.agreement(edited, original)).mean()

    def agreement(
        self, edited: Tensor | Sequence[Tensor], original: Tensor | Sequence[Tensor], floor: float | None = None
    ) -> Tensor:
        """The mean cosine of each image's change with the words' change, [B]; arguments as in `forward`."""
        pairs = zip(self.losses, self._each(edited), self._each(original), strict=True)
        return torch.stack([loss.agreement(after, before, floor) for loss, after, before in pairs]).mean(0)

    def similarity(self, images: Tensor | Sequence[Tensor]) -> Tensor:
        """The mean cosine of images, or of what `encode` made of them, with the target's words, [B]."""
        pairs = zip(self.losses, self._each(images), strict=True)
        return torch.stack([loss.similarity(image) for loss, image in pairs]).mean(0)

    def _each(self, given: Tensor | Sequence[Tensor]) -> Sequence[Tensor]:
        return [given] * len(self.losses) if isinstance(given, Tensor) else given


def change_agreement(edited: Tensor, original: Tensor, direction: Tensor, floor: float) -> Tensor:
    """The cosine of each image's change with a direction.

    Args:
        edited, original: features [B, D].
        direction: [D] or [B, D], length 1.
        floor: changes shorter than this count for less, see `DirectionalLoss`.

    Returns:
        [B]. Gradient: to both, finite everywhere.
    """
    change = edited - original
    # Clamped before the root, whose gradient at zero is infinite: no change is divided by a constant.
    length = change.square().sum(-1, keepdim=True).clamp_min(floor**2).sqrt()
    return _cosine(change / length, direction)


def encode_phrases(encoder: Encoder, phrases: Sequence[str], templates: Sequence[str]) -> Tensor:
    """Encode phrases in several sentences each.

    Args:
        encoder: of words.
        phrases: for instance "a zombie".
        templates: sentences with {} where the phrase goes, for instance "a photo of {}".

    Returns:
        [phrases, D], length 1: the direction of the mean over the templates.

    Raises:
        ValueError: if there is no template, or one without {}.

    Source: prompt ensembling in CLIP (arXiv 2103.00020), section 3.1.4.
    """
    if not templates or any(template.count("{}") != 1 for template in templates):
        raise ValueError(f'templates: expected sentences with one {{}}, as in "a photo of {{}}", got {templates}')
    texts = [template.replace("{}", phrase) for phrase in phrases for template in templates]
    features = encoder.encode_text(texts).unflatten(0, (len(phrases), len(templates)))
    return functional.normalize(features.mean(1), dim=-1)


def _cosine(features: Tensor, direction: Tensor) -> Tensor:
    """[B, D] and [D] or [B, D] of length 1 to [B]; not `@`, which reduced precision would round to two digits."""
    return (features * direction).sum(-1)
