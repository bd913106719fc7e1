"""Files → batches of CPU tensors. No device, no mesh."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "distribution": ["FitDistribution"],
        "faces": ["FaceBatch", "MaskedFaces", "collate", "composite", "endless_batches"],
        "write": ["write_faces"],
    },
)
