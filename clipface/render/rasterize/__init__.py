"""The rasteriser: one contract (`interface`), two backends."""

from clipface.render.rasterize.interface import Fragments, backend

__all__ = ["Fragments", "backend"]
