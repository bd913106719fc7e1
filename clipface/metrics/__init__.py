"""Scores: how far rendered heads are from photographs, and how far edits moved images and heads."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={"features": ["Distances", "load_features"]},
)
