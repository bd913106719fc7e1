"""Results as files for other programs."""

from clipface.export.glb import write_glb
from clipface.export.obj import write_obj
from clipface.export.ply import write_ply
from clipface.export.rigged_glb import write_rigged_glb

__all__ = ["write_glb", "write_obj", "write_ply", "write_rigged_glb"]
