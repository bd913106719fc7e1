"""What a face encoder looks at: painted faces, some of them over photographed skin, and photographs."""

import random

import torch
from torch import Tensor

from clipface.guidance.contrastive import Agreement
from clipface.guidance.encoder import Encoder
from clipface.synthetic import PaintedFaces
from clipface.synthetic.attributes import CHOICES, Attributes, sample_attributes
from clipface.synthetic.words.captions import caption
from trainer.face_encoder.config import PaintingConfig, PhotographsConfig
from trainer.face_encoder.image_cache import Painted
from trainer.face_encoder.photographs import (
    PAINTED_OVER,
    UNLABELLED,
    Label,
    LabelledTextures,
    attributes_of,
    known_values,
    read_images,
    read_labels,
)


class EncoderFaces:
    """Makes chunks of images with captions; the number of a chunk alone decides what is in it."""

    def __init__(
        self, seed: int, painting: PaintingConfig, photographs: PhotographsConfig, painter: PaintedFaces,
        encoder: Encoder,
    ) -> None:  # fmt: skip
        """Read photographs if there are any; nothing is painted yet."""
        self.seed, self.painting, self.photographs, self.painter = seed, painting, photographs, painter
        self.tokenizer = encoder.tokenizer
        self.textures = self.images = self.kept_out = None
        if photographs.labels:
            labels = read_labels(photographs.labels, photographs.expressions)
            if photographs.textures:
                self.textures = LabelledTextures(photographs.textures, labels, painting.texture_size)
            if photographs.dataset:
                self.images, self.kept_out = (
                    read_images(photographs.dataset, labels, painting.size, validation) for validation in (False, True)
                )

    def count_agreement(self, faces: int, device: torch.device) -> Agreement:
        """Count which words are said of which attributes."""
        rng = random.Random(self.seed)
        agreement = Agreement(self.tokenizer.size, CHOICES, device)
        for start in range(0, faces, 1024):
            drawn = [sample_attributes(rng) for _ in range(min(1024, faces - start))]
            for _ in range(self.painting.captions):
                agreement.count(self.tokenizer([caption(face, rng) for face in drawn]), agreement.values(drawn))
        return agreement

    @torch.no_grad()
    def chunk(self, number: int, count: int, agreement: Agreement, painted_only: bool = False) -> Painted:
        """Make the chunk of a number: `count` images on the agreement's device."""
        rng = random.Random(self.seed * 1_000_003 + number)
        photographs = 0 if painted_only or self.images is None else round(count * self.photographs.share)
        over = 0 if painted_only or self.textures is None else round((count - photographs) * self.photographs.photo_skin_share)
        parts = [self._painted(count - photographs - over, rng, agreement)] if count > photographs + over else []
        parts += [self._over_textures(over, rng, agreement)] if over else []
        parts += [self._photographed(photographs, rng, agreement)] if photographs else []
        return Painted(*(torch.cat(part) for part in zip(*parts, strict=True)))

    def _painted(self, count: int, rng: random.Random, agreement: Agreement) -> Painted:
        faces = [sample_attributes(rng) for _ in range(count)]
        tokens, values = self._told(faces, (), rng, agreement)
        return Painted(self._drawn(faces, None, rng, tokens.device), tokens, values)

    def _over_textures(self, count: int, rng: random.Random, agreement: Agreement) -> Painted:
        textures, labels = self.textures.sample(count, rng)
        faces = [attributes_of(label, sample_attributes(rng, {"sex": label.face.sex})) for label in labels]
        tokens, values = self._told(faces, PAINTED_OVER, rng, agreement)
        known_values(values, agreement.columns, faces, PAINTED_OVER)
        return Painted(self._drawn(faces, textures, rng, tokens.device), tokens, values)

    def _photographed(self, count: int, rng: random.Random, agreement: Agreement) -> Painted:
        images, labels = self.images.sample(count, rng)
        parts = [self._labelled(label, rng, agreement) for label in labels]
        tokens, values = (torch.cat(part) for part in zip(*parts, strict=True))
        return Painted(images.to(tokens.device), tokens, values)

    def _labelled(self, label: Label, rng: random.Random, agreement: Agreement) -> tuple[Tensor, Tensor]:
        unknown = UNLABELLED if label.expression_known else (*UNLABELLED, "expression")
        tokens, values = self._told([label.face], unknown, rng, agreement)
        known_values(values, agreement.columns, [label.face], unknown)
        return tokens, values

    def _drawn(self, faces: list[Attributes], textures: Tensor | None, rng: random.Random, device) -> Tensor:
        """Images [N, 4, S, S] uint8 of painted faces before black, so that any other background can be added."""
        generator, painting = torch.Generator().manual_seed(rng.randrange(2**31)), self.painting
        base = None if textures is None else textures.to(self.painter.device)
        with torch.autocast(device.type, enabled=False):
            batch = self.painter.sample(
                len(faces), generator, painting.size, painting.max_yaw, 0.0, faces, base, (1.0, painting.max_zoom)
            )
        return (torch.cat([batch.image, batch.mask], 1).clamp(0, 1) * 255).round().byte().to(device)

    def _told(
        self, faces: list[Attributes], untold: tuple[str, ...], rng: random.Random, agreement: Agreement
    ) -> tuple[Tensor, Tensor]:
        """Tokens [N, captions, context] of what is said of faces, and their attributes' values."""
        texts = [[caption(face, rng, untold) for face in faces] for _ in range(self.painting.captions)]
        tokens = torch.stack([self.tokenizer(captions) for captions in texts], 1).short()
        values = agreement.values(faces)
        return tokens.to(values.device), values
