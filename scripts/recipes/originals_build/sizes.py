"""How large the files are."""

from typing import NamedTuple


class Sizes(NamedTuple):
    """Of the files; the defaults are those of the originals."""

    vertices: int = 5023
    rim: int = 68  # of them around the opening of the surface: 2·vertices − rim − 2 triangles
    seam: int = 95  # texture coordinates more than vertices
    shapes: int = 300
    expressions: int = 100
    resolution: int = 512  # of the texture
    dim: int = 512  # of codes
    channel_base: int = 16384
    channel_max: int = 512
    mapping_layers: int = 8
    coefficients: int = 50  # of expression, that mappers know

    @property
    def levels(self) -> int:
        """Of codes: the originals have two more than the synthesis reads."""
        return 2 * self.resolution.bit_length() - 2


SMALL = Sizes(122, 16, 5, 300, 60, 32, 16, 256, 16, 2, 10)  # for tests
