"""Words and pictures: how far a picture has moved towards a text."""

from clipface.guidance.directional_loss import DirectionalLoss, EncoderMean
from clipface.guidance.encoder import Encoder, GuidanceConfig, load_encoder

__all__ = ["DirectionalLoss", "Encoder", "EncoderMean", "GuidanceConfig", "load_encoder"]
