"""Head parameters to vertices, for the open head and for FLAME."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "data": ["HeadData"],
        "flame_file": ["read_flame"],
        "load": ["load_head"],
        "model": ["HeadModel"],
        "open_head": ["read_open_head"],
    },
)
