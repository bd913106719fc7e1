"""An edit that is kept to a part of the face."""

from typing import NamedTuple

from clipface.edit.mapper import Codes, FaceMapper, Offsets


class RegionEdit(NamedTuple):
    """A mapper whose texture is kept to a region chosen afterwards; the head's form then stays as it is."""

    mapper: FaceMapper
    region: str

    def offsets(self, codes: Codes) -> Offsets:
        """The mapper's, of the texture alone."""
        return self.mapper.offsets(codes)._replace(expression=None, shape=None)
