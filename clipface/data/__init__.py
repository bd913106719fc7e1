"""Files → batches of CPU tensors. No device, no mesh."""

from clipface.data.distribution import FitDistribution
from clipface.data.faces import FaceBatch, MaskedFaces, collate, composite, endless_batches
from clipface.data.write import write_faces

__all__ = ["FaceBatch", "FitDistribution", "MaskedFaces", "collate", "composite", "endless_batches", "write_faces"]
