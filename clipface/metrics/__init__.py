"""Scores: how far drawn heads are from photographs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "distances": ["Distances"],
        "features": ["load_features"],
    },
)
