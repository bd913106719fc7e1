"""Files → batches of CPU tensors. No device, no mesh."""

from clipface.data.faces import FaceBatch, MaskedFaces, composite, endless_batches, write_faces

__all__ = ["FaceBatch", "MaskedFaces", "composite", "endless_batches", "write_faces"]
