"""What a face encoder is trained on: painted faces, some of them over photographed skin, and photographs.

They are cached on the training device and steadily renewed: painting an image costs more than training on it.
"""

import random
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from clipface.guidance.contrastive import Agreement
from clipface.guidance.encoder import Encoder
from clipface.settings import SEED_STRIDE
from clipface.synthetic import PaintedFaces
from clipface.synthetic.attributes import CHOICES, Attributes, sample_attributes
from clipface.synthetic.words.captions import caption
from trainer.face_encoder.config import PaintingConfig, PhotographsConfig
from trainer.face_encoder.photographs import (
    UNKNOWN_OF_PHOTOGRAPHS,
    UNKNOWN_OF_TEXTURES,
    Label,
    LabelledTextures,
    attributes_of,
    clear_unknown,
    read_images,
    read_labels,
)

COUNTED_AT_ONCE = 1024  # faces


class CaptionedImages(NamedTuple):
    """Images of faces, each with several captions."""

    images: Tensor  # [N, 4, S, S] uint8: colour on black, and mask
    tokens: Tensor  # [N, captions, context] int16
    values: Tensor  # [N, values] of 0 and 1: the faces' attributes


class ImageCache:
    """Chunks of captioned images; the step alone decides which, so that a resumed run has the same."""

    def __init__(self, paint: Callable[[int], CaptionedImages], chunks: int, renew_every: int) -> None:
        """Create an empty cache.

        Args:
            paint: makes the chunk of a number; the same chunk for the same number.
            chunks: that the cache holds.
            renew_every: steps after which the oldest chunk is replaced; 0: never.
        """
        self.paint, self.chunks, self.renew_every = paint, chunks, renew_every
        self.next = 0
        self.held: CaptionedImages | None = None

    def advance(self, step: int) -> None:
        """Paint what is missing at a step."""
        end = self.chunks + (step // self.renew_every if self.renew_every else 0)
        for number in range(max(self.next, end - self.chunks), end):
            chunk = self.paint(number)
            if self.held is None:
                self.held = CaptionedImages(*(part.repeat(self.chunks, *[1] * (part.ndim - 1)) for part in chunk))
            size = len(chunk.images)
            start = number % self.chunks * size
            for held, part in zip(self.held, chunk, strict=True):
                held[start : start + size] = part
        self.next = end

    def sample(self, count: int, generator: torch.Generator) -> CaptionedImages:
        """Sample images [count, 4, S, S] and values [count, values], with the tokens [count, context] of a caption."""
        device = self.held.images.device
        rows = torch.randint(len(self.held.images), (count,), generator=generator, device=device)
        caption = torch.randint(self.held.tokens.shape[1], (count,), generator=generator, device=device)
        return CaptionedImages(self.held.images[rows], self.held.tokens[rows, caption], self.held.values[rows])


class EncoderFaces:
    """Makes chunks of images with captions; the number of a chunk alone decides what is in it."""

    def __init__(
        self, seed: int, painting: PaintingConfig, photographs: PhotographsConfig, painter: PaintedFaces,
        encoder: Encoder,
    ) -> None:  # fmt: skip
        """Read photographs if there are any; nothing is painted yet."""
        self.seed, self.painting, self.photographs, self.painter = seed, painting, photographs, painter
        self.tokenizer = encoder.tokenizer
        self.textures = self.images = self.validation_images = None
        if photographs.labels:
            labels = read_labels(photographs.labels, photographs.expressions)
            if photographs.textures:
                self.textures = LabelledTextures(photographs.textures, labels, painting.texture_size)
            if photographs.dataset:
                self.images, self.validation_images = (
                    read_images(photographs.dataset, labels, painting.size, validation) for validation in (False, True)
                )

    def count_agreement(self, faces: int, device: torch.device) -> Agreement:
        """Count which words are said of which attributes."""
        rng = random.Random(self.seed)
        agreement = Agreement(self.tokenizer.size, CHOICES, device)
        for start in range(0, faces, COUNTED_AT_ONCE):
            part = [sample_attributes(rng) for _ in range(min(COUNTED_AT_ONCE, faces - start))]
            for _ in range(self.painting.captions):
                agreement.count(self.tokenizer([caption(face, rng) for face in part]), agreement.values(part))
        return agreement

    @torch.no_grad()
    def chunk(self, number: int, count: int, agreement: Agreement, painted_only: bool = False) -> CaptionedImages:
        """Make the chunk of a number: `count` images on the agreement's device."""
        rng, config = random.Random(self.seed * SEED_STRIDE + number), self.photographs
        photographs = 0 if painted_only or self.images is None else round(count * config.share)
        painted = count - photographs
        over_textures = 0 if painted_only or self.textures is None else round(painted * config.photo_skin_share)
        counts = (painted - over_textures, over_textures, photographs)
        makers = (self._painted, self._over_textures, self._photographed)
        parts = [make(part, rng, agreement) for make, part in zip(makers, counts, strict=True) if part]
        return CaptionedImages(*(torch.cat(part) for part in zip(*parts, strict=True)))

    def _painted(self, count: int, rng: random.Random, agreement: Agreement) -> CaptionedImages:
        return self._paint([sample_attributes(rng) for _ in range(count)], None, rng, agreement)

    def _over_textures(self, count: int, rng: random.Random, agreement: Agreement) -> CaptionedImages:
        textures, labels = self.textures.sample(count, rng)
        faces = [attributes_of(label, sample_attributes(rng, {"sex": label.face.sex})) for label in labels]
        return self._paint(faces, textures, rng, agreement)

    def _photographed(self, count: int, rng: random.Random, agreement: Agreement) -> CaptionedImages:
        images, labels = self.images.sample(count, rng)
        parts = [self._labelled(label, rng, agreement) for label in labels]
        tokens, values = (torch.cat(part) for part in zip(*parts, strict=True))
        return CaptionedImages(images.to(tokens.device), tokens, values)

    def _labelled(self, label: Label, rng: random.Random, agreement: Agreement) -> tuple[Tensor, Tensor]:
        unknown = UNKNOWN_OF_PHOTOGRAPHS if label.expression_known else (*UNKNOWN_OF_PHOTOGRAPHS, "expression")
        return self._captions([label.face], unknown, rng, agreement)

    def _paint(
        self, faces: list[Attributes], textures: Tensor | None, rng: random.Random, agreement: Agreement
    ) -> CaptionedImages:
        """Paint faces on black, so that any other background can be added, maybe over textures."""
        tokens, values = self._captions(faces, () if textures is None else UNKNOWN_OF_TEXTURES, rng, agreement)
        generator, painting = torch.Generator().manual_seed(rng.randrange(2**31)), self.painting
        base = None if textures is None else textures.to(self.painter.device)
        with torch.autocast(tokens.device.type, enabled=False):
            batch = self.painter.sample(
                len(faces), generator, painting.size, painting.max_yaw, 0.0, faces, base, (1.0, painting.max_zoom)
            )
        images = (torch.cat([batch.image, batch.mask], 1).clamp(0, 1) * 255).round().byte()
        return CaptionedImages(images.to(tokens.device), tokens, values)

    def _captions(
        self, faces: list[Attributes], unknown: tuple[str, ...], rng: random.Random, agreement: Agreement
    ) -> tuple[Tensor, Tensor]:
        """Tokens [N, captions, context] of captions of faces, and their attributes' values [N, values]."""
        texts = [[caption(face, rng, unknown) for face in faces] for _ in range(self.painting.captions)]
        tokens = torch.stack([self.tokenizer(captions) for captions in texts], 1).short()
        values = agreement.values(faces)
        if unknown:
            clear_unknown(values, agreement.columns, faces, unknown)
        return tokens.to(values.device), values
