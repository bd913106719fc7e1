"""The rasteriser: one contract (`interface`), two backends."""

from clipface.render.rasterize.interface import Fragments, Rasterizer, backend

__all__ = ["Fragments", "Rasterizer", "backend"]
