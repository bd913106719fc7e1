"""Attributes → painted faces and their captions."""

from clipface.synthetic.attributes import Attributes, sample_attributes
from clipface.synthetic.faces import PaintedBatch, PaintedFaces
from clipface.synthetic.painter import Painter
from clipface.synthetic.words.words.captions import captions, split_words, vocabulary

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
