"""What a face encoder is trained on: painted faces, some over photographed skin, generated ones, and photographs.

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
from trainer.face_encoder.generated import GeneratedFaces
from trainer.face_encoder.photographs import (
    UNKNOWN_OF_PHOTOGRAPHS,
    UNKNOWN_OF_TEXTURES,
    LabelledTextures,
    attributes_of,
    clear_unknown,
    read_images,
    read_labels,
    tell_smiles,
)
from trainer.face_encoder.phrases import Phrases, phrase_caption, read_phrased_images, read_phrases

COUNTED_AT_ONCE = 1024  # faces
IMPLIED = ("sex", "age", "expression")  # attributes that a phrase's words may tell; colours may be the background's


class CaptionedImages(NamedTuple):
    """Images of faces, each with several captions."""

    images: Tensor  # [N, 4, S, S] uint8: colour on black, and mask
    tokens: Tensor  # [N, captions, context] int16
    values: Tensor  # [N, values] of 0 and 1: the faces' attributes
    phrases: Tensor  # [N, captions] int16: number of the phrase that a caption is (see `Phrases`); 0: it is none


class CaptionedBatch(NamedTuple):
    """Images with one caption each."""

    images: Tensor  # [B, 4, S, S] uint8
    tokens: Tensor  # [B, context] int16
    values: Tensor  # [B, values]
    phrases: Tensor  # [B, captions] int16: of all captions of the image
    said: Tensor  # [B] int16: of its caption


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

    def sample(self, count: int, generator: torch.Generator) -> CaptionedBatch:
        """Sample images, each with one of its captions."""
        device = self.held.images.device
        rows = torch.randint(len(self.held.images), (count,), generator=generator, device=device)
        caption = torch.randint(self.held.tokens.shape[1], (count,), generator=generator, device=device)
        images, tokens, values, phrases = self.held
        return CaptionedBatch(images[rows], tokens[rows, caption], values[rows], phrases[rows], phrases[rows, caption])


class EncoderFaces:
    """Makes chunks of images with captions; the number of a chunk alone decides what is in it."""

    def __init__(
        self, seed: int, painting: PaintingConfig, photographs: PhotographsConfig, painter: PaintedFaces,
        encoder: Encoder, generated: GeneratedFaces | None = None, generated_share: float = 0.0,
    ) -> None:  # fmt: skip
        """Read photographs if there are any; nothing is painted yet."""
        self.seed, self.painting, self.photographs, self.painter = seed, painting, photographs, painter
        self.tokenizer = encoder.tokenizer
        self.generated, self.generated_share = generated, generated_share
        self.textures = self.images = self.validation_images = self.phrased = self.validation_phrased = None
        said = read_phrases(photographs.phrases) if photographs.phrases else {}
        self.phrases = Phrases(said)
        if said:
            self.phrased, validation = (
                read_phrased_images(photographs.phrases, said, painting.size, kept) for kept in (False, True)
            )
            self.validation_phrased = validation if validation.phrases else None  # no phrase may have enough images
        if photographs.labels:
            labels = read_labels(photographs.labels, photographs.expressions, photographs.years_added)
            if photographs.dataset:
                labels = tell_smiles(photographs.dataset, labels)
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
        shares = (
            (self.images, config.share),
            (self.phrased, config.phrase_share),
            (self.generated, self.generated_share),
        )
        others = [0 if painted_only or source is None else round(count * share) for source, share in shares]
        painted = count - sum(others)
        over_textures = 0 if painted_only or self.textures is None else round(painted * config.photo_skin_share)
        counts = (painted - over_textures, over_textures, *others)
        makers = (self._painted, self._over_textures, self._photographed, self._phrased, self._generated)
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
        unknown = [
            UNKNOWN_OF_PHOTOGRAPHS if label.expression_known else (*UNKNOWN_OF_PHOTOGRAPHS, "expression")
            for label in labels
        ]
        return self._told(images, [label.face for label in labels], unknown, rng, agreement)

    def _generated(self, count: int, rng: random.Random, agreement: Agreement) -> CaptionedImages:
        painting = self.painting
        with torch.autocast(agreement.counts.device.type, enabled=False):
            images, faces, unknown = self.generated.sample(
                count, rng, painting.size, painting.max_yaw, (1.0, painting.max_zoom)
            )
        return self._told((images * 255).round().byte(), faces, unknown, rng, agreement)

    def _told(
        self, images: Tensor, faces: list[Attributes], unknown: list[tuple[str, ...]], rng: random.Random,
        agreement: Agreement,
    ) -> CaptionedImages:  # fmt: skip
        """Images of faces of each of which other attributes are unknown."""
        tokens, values = self._captions(faces, unknown, rng, agreement)
        return CaptionedImages(images.to(tokens.device), tokens, values, _no_phrases(tokens))

    def _phrased(self, count: int, rng: random.Random, agreement: Agreement) -> CaptionedImages:
        images, said = self.phrased.sample(count, rng)
        in_turn = [[phrases[i % len(phrases)] for phrases in said] for i in range(self.painting.captions)]
        tokens = [self.tokenizer([phrase_caption(phrase, rng) for phrase in phrases]) for phrases in in_turn]
        values = torch.stack([agreement.implied(part, IMPLIED) for part in tokens]).amax(0)
        numbers = torch.tensor([[self.phrases.numbers[phrase] for phrase in phrases] for phrases in in_turn]).T
        device = values.device
        return CaptionedImages(
            images.to(device), torch.stack(tokens, 1).short().to(device), values, numbers.short().to(device)
        )

    def _paint(
        self, faces: list[Attributes], textures: Tensor | None, rng: random.Random, agreement: Agreement
    ) -> CaptionedImages:
        """Paint faces on black, so that any other background can be added, maybe over textures."""
        unknown = () if textures is None else UNKNOWN_OF_TEXTURES
        tokens, values = self._captions(faces, [unknown] * len(faces), rng, agreement)
        generator, painting = torch.Generator().manual_seed(rng.randrange(2**31)), self.painting
        base = None if textures is None else textures.to(self.painter.device)
        with torch.autocast(tokens.device.type, enabled=False):
            batch = self.painter.sample(
                len(faces), generator, painting.size, painting.max_yaw, 0.0, faces, base, (1.0, painting.max_zoom)
            )
        images = (torch.cat([batch.image, batch.mask], 1).clamp(0, 1) * 255).round().byte()
        return CaptionedImages(images.to(tokens.device), tokens, values, _no_phrases(tokens))

    def _captions(
        self, faces: list[Attributes], unknown: list[tuple[str, ...]], rng: random.Random, agreement: Agreement
    ) -> tuple[Tensor, Tensor]:
        """Tokens [N, captions, context] of captions of faces, and their attributes' values [N, values]."""
        texts = [
            [caption(face, rng, names) for face, names in zip(faces, unknown, strict=True)]
            for _ in range(self.painting.captions)
        ]
        tokens = torch.stack([self.tokenizer(captions) for captions in texts], 1).short()
        values = agreement.values(faces)
        device, values = values.device, values.cpu()  # many small changes, which a GPU would be slow at
        for i, (face, names) in enumerate(zip(faces, unknown, strict=True)):
            if names:
                clear_unknown(values[i : i + 1], agreement.columns, [face], names)
        return tokens.to(device), values.to(device)


def _no_phrases(tokens: Tensor) -> Tensor:
    """Numbers [N, captions] for captions [N, captions, context] of which none is a phrase."""
    return torch.zeros(tokens.shape[:2], dtype=torch.int16, device=tokens.device)
