"""Results as files for other programs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "glb": ["write_glb"],
        "obj": ["write_obj"],
        "ply": ["write_ply"],
        "rigged_glb": ["write_rigged_glb"],
    },
)
