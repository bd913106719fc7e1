"""Faces in images: what is found of them, and by which networks."""

from clipface.photos.detection.detector import FaceDetector, check_image

__all__ = ["FaceDetector", "check_image"]
