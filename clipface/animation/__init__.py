"""Heads in motion: sequences of expression and pose, from keyframes, face capture, FLAME trackers or videos."""

from clipface.animation.load import SHIPPED, load_motion
from clipface.animation.motion import Motion, importance

__all__ = ["SHIPPED", "Motion", "importance", "load_motion"]
