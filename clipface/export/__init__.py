"""Results as files for other programs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "still": ["write_obj", "write_ply"],
        "rigged_glb": ["write_rigged_glb"],
        "usdz": ["write_usdz"],
    },
)
