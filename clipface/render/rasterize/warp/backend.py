"""The rasteriser on NVIDIA Warp: one set of kernels for CPU and CUDA.

One file a verb, with its kernels in it or beside it.
"""

from clipface.render.rasterize.topology import Topology
from clipface.render.rasterize.warp.antialias.blend import antialias
from clipface.render.rasterize.warp.compose import compose
from clipface.render.rasterize.warp.interpolate import interpolate
from clipface.render.rasterize.warp.paint import paint
from clipface.render.rasterize.warp.rasterize import rasterize
from clipface.render.rasterize.warp.texture.sample import sample

__all__ = ["antialias", "compose", "interpolate", "paint", "rasterize", "sample", "topology"]

topology = Topology.of
