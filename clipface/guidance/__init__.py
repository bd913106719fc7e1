"""Words and images: how far an image has moved towards a text."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "directional_loss": ["DirectionalLoss", "EncoderMean"],
        "encoder": ["Encoder", "load_encoder"],
    },
)
