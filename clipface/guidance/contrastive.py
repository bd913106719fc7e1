"""Losses of a face encoder: images and captions that belong together, and those that contradict each other.

Source: CLIP (arXiv 2103.00020), section 2.3, for the contrastive loss.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

# Pairs of neighbouring words are counted in this many buckets.
_PAIR_BUCKETS = 8192
# A term that was expected this often with a value and never came with it contradicts it (chance alone: 2 %).
_CONCLUSIVE = 4.0


class Agreement:
    """Which captions can be true of which faces, found by counting.

    A caption mentions a few of a face's attributes, so it is true of many faces of a batch: these are no negatives.
    Words, and pairs of neighbouring words, that never come with a value of an attribute contradict this value.
    """

    def __init__(self, vocabulary: int, choices: Mapping[str, Sequence], device: torch.device | str = "cpu") -> None:
        """Start without counts, and so without contradictions.

        Args:
            vocabulary: number of tokens.
            choices: the values of each attribute.
            device: where batches will lie.
        """
        self.vocabulary = vocabulary
        names = [(name, value) for name, values in choices.items() for value in values]
        self.columns = {pair: column for column, pair in enumerate(names)}
        self.attributes = tuple(choices)
        self.counts = torch.zeros(vocabulary + _PAIR_BUCKETS, len(names), device=device)  # [terms, values]
        self.faces = torch.zeros(len(names), device=device)  # captions about faces with each value
        self.captions = 0

    def values(self, faces: Sequence) -> Tensor:
        """Mark the values of faces.

        Args:
            faces: objects with an attribute for each name of `choices`.

        Returns:
            [N, values] of 0 and 1.
        """
        marked = torch.zeros(len(faces), len(self.columns))
        for row, face in zip(marked, faces, strict=True):
            row[[self.columns[name, getattr(face, name)] for name in self.attributes]] = 1
        return marked.to(self.counts.device)

    def count(self, tokens: Tensor, values: Tensor) -> None:
        """Count captions [N, context] and the values [N, values] of the faces that they are about."""
        self.counts += self._terms(tokens).T @ values
        self.faces += values.sum(0)
        self.captions += len(tokens)

    def contradicts(self, tokens: Tensor, values: Tensor) -> Tensor:
        """Find which captions are wrong about which faces.

        Args:
            tokens: [N, context].
            values: [M, values].

        Returns:
            [M, N] bool.
        """
        return values @ self._excluded(tokens).T > 0

    def implied(self, tokens: Tensor, attributes: Sequence[str]) -> Tensor:
        """Find the values that captions leave as the only ones: of a face of which nothing is known but words.

        Args:
            tokens: [N, context].
            attributes: the names of those to look for.

        Returns:
            [N, values] of 0 and 1.
        """
        possible, found = self._excluded(tokens) == 0, torch.zeros(len(tokens), len(self.columns))
        found = found.to(possible.device)
        for name in attributes:
            columns = [column for (attribute, _), column in self.columns.items() if attribute == name]
            left = possible[:, columns]
            found[:, columns] = (left & (left.sum(1, keepdim=True) == 1)).float()
        return found

    def _excluded(self, tokens: Tensor) -> Tensor:
        """How many terms of captions [N, context] never come with a value though they would have by chance."""
        expected = self.counts.sum(1, keepdim=True) / len(self.attributes) * self.faces / max(self.captions, 1)
        excluded = (self.counts == 0) & (expected >= _CONCLUSIVE)  # [terms, values]
        return self._terms(tokens) @ excluded.float()

    def _terms(self, tokens: Tensor) -> Tensor:
        """Words and pairs of neighbouring words that each caption holds, [N, terms] of 0 and 1."""
        tokens = tokens.to(self.counts.device).long()
        pairs = (tokens[:, :-1] * 31337 + tokens[:, 1:] * 271) % _PAIR_BUCKETS + self.vocabulary
        # The padding's pairs are the same in all captions, so they never exclude anything.
        terms = torch.zeros(len(tokens), len(self.counts), device=self.counts.device)
        return terms.scatter_(1, torch.cat([tokens, pairs], 1), 1.0)


def contrastive_loss(images: Tensor, texts: Tensor, scale: Tensor, contradicts: Tensor) -> Tensor:
    """Each image should be closer to its own caption than to captions that contradict it, and each caption likewise.

    Args:
        images: features of images, [B, D], length 1.
        texts: features of their captions, [B, D], length 1.
        scale: what multiplies the cosines.
        contradicts: [B, B] bool, image by caption; other pairs but the matching ones take no part.

    Returns:
        The mean over images and captions, at least 0.
    """
    logits = scale * images @ texts.T
    own = torch.eye(len(images), dtype=torch.bool, device=images.device)
    logits = logits.masked_fill(~(contradicts | own), -torch.inf)
    matching = torch.arange(len(images), device=images.device)
    return (functional.cross_entropy(logits, matching) + functional.cross_entropy(logits.T, matching)) / 2


def direction_loss(images: Tensor, texts: Tensor) -> Tensor:
    """The change from one image to the next should point where the change of their captions points.

    An edit is guided by this very comparison, and the contrastive loss alone only implies it.

    Args:
        images: features of images, [B, D].
        texts: features of their captions, [B, D].

    Returns:
        The mean over the batch: 0 (all agree) .. 2.
    """
    return 1 - functional.cosine_similarity(images - images.roll(1, 0), texts - texts.roll(1, 0), dim=-1).mean()
