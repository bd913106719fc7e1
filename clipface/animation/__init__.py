"""Heads in motion: sequences of expression and pose, from keyframes, face capture, FLAME trackers or videos."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "load": ["SHIPPED", "load_motion"],
        "motion": ["Motion", "importance"],
    },
)
