"""Attributes → painted faces and their captions."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "attributes": ["Attributes", "sample_attributes"],
        "faces": ["PaintedBatch", "PaintedFaces"],
        "painter": ["Painter"],
        "words.captions": ["captions", "split_words", "vocabulary"],
    },
)
