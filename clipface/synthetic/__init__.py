"""Attributes → painted faces and their captions."""

from .attributes import Attributes, sample_attributes
from .captions import captions, split_words, vocabulary
from .faces import PaintedBatch, PaintedFaces
from .painter import Painter

__all__ = [
    "Attributes",
    "PaintedBatch",
    "PaintedFaces",
    "Painter",
    "captions",
    "sample_attributes",
    "split_words",
    "vocabulary",
]
