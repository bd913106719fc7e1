"""The one map between texels and surface: which point of the head each texel shows, and which is its mirror image."""

from functools import cached_property

import numpy as np
import torch
from scipy import ndimage
from scipy.spatial import cKDTree
from torch import Tensor

from clipface.head import HeadModel
from clipface.head.regions import region_mask
from clipface.render.rasterize import interface
from clipface.shapes import expect

MIRROR_REACH = 0.006  # metres between a texel's mirror image and the nearest texel, up to which it is taken


class UVMap:
    """The texels of one head's texture, of which N of the size² lie on the surface.

    Args:
        head: a head with texture coordinates; the map lives on its device.
        size: side of the texture.
        backend: rasteriser that finds each texel's triangle, once.

    Attributes:
        covered: [size, size] bool, the texels on the surface, row 0 the texture's top.
        texels: [N] their positions in the flattened texture.
        corners: [N, 3] vertices of each texel's triangle; barycentric: [N, 3] its place in it.
        nearest: [size²] the nearest texel on the surface; on the surface the texel itself.
        mirror: [size²] position of each texel's mirror image across the head's middle plane, -1 where there is none.

    Example:
        >>> uv_map = UVMap(load_head(), 256)
        >>> position = uv_map.image(uv_map.on_texels(head.v_template[None]))  # [1, 3, 256, 256] metres
    """

    def __init__(self, head: HeadModel, size: int, backend: str = "warp") -> None:
        self.head, self.size = head, size
        uv = head.uv
        flat = torch.stack([2 * uv[:, 0] - 1, 1 - 2 * uv[:, 1], 0 * uv[:, 0], 0 * uv[:, 0] + 1], 1)
        with torch.no_grad():
            rasterizer = interface.backend(backend)
            rast = rasterizer.rasterize(flat[None].contiguous(), head.uv_faces, (size, size), False).rast[0]
        rast = rast.reshape(-1, 4)
        self.covered = (rast[:, 3] > 0).reshape(size, size)
        self.texels = torch.nonzero(self.covered.flatten())[:, 0]
        seen = rast[self.texels]
        self.corners = head.faces.long()[seen[:, 3].long() - 1]
        u, v = seen[:, :2].unbind(1)
        self.barycentric = torch.stack([u, v, 1 - u - v], 1)
        outside = ~self.covered.cpu().numpy()
        rows, columns = ndimage.distance_transform_edt(outside, return_distances=False, return_indices=True)
        self.nearest = torch.from_numpy((rows * size + columns).ravel()).to(uv.device)

    def on_texels(self, values: Tensor) -> Tensor:
        """Carry values at vertices over to the texels of the surface.

        Args:
            values: [B, V, C].

        Returns:
            [B, N, C].

        Gradient: to values.
        """
        corners = values[:, self.corners.reshape(-1)].unflatten(1, (-1, 3))
        return (corners * self.barycentric[..., None]).sum(2)

    def image(self, values: Tensor, continued: bool = False) -> Tensor:
        """Lay the texels' values out as images.

        Args:
            values: [B, N, C].
            continued: off the surface the nearest texel's value, so that filtering shows no seam; otherwise 0.

        Returns:
            [B, C, size, size], row 0 the texture's top. Gradient: to values.
        """
        sizes = expect("values", values, ("B", len(self.texels), "C"))
        flat = values.new_zeros(sizes["B"], self.size**2, sizes["C"])
        flat[:, self.texels] = values
        if continued:
            flat = flat[:, self.nearest]
        return flat.transpose(1, 2).unflatten(2, (self.size, self.size))

    def region(self, names: list[str]) -> Tensor:
        """[size, size] bool: triangles with all corners in one of the named regions, as far as the head has them."""
        names = [name for name in names if name in self.head.regions]
        flat = torch.zeros(self.size**2, dtype=torch.bool, device=self.texels.device)
        if names:
            flat[self.texels] = region_mask(self.head, names)[self.corners].all(1)
        return flat.view(self.size, self.size)

    def flipped(self, images: Tensor) -> Tensor:
        """Images [B, C, size, size] with the head's sides exchanged; 0 where a texel has no mirror image."""
        flat = images.flatten(2)[..., self.mirror.clamp_min(0)]
        return (flat * (self.mirror >= 0)).unflatten(2, (self.size, self.size))

    def mirrored(self, images: Tensor) -> Tensor:
        """Images [B, C, size, size] with the head's sides exchanged; texels without a mirror image stay."""
        other = self.mirror[self.nearest]
        other = torch.where(other < 0, torch.arange(len(other), device=other.device), other)
        return images.flatten(2)[..., other].view_as(images)

    @cached_property
    def mirror(self) -> Tensor:
        """[size²] int64, see the class."""
        place = self.on_texels(self.head.v_template[None])[0].cpu().numpy()
        reach, index = cKDTree(place, balanced_tree=False).query(
            place * np.array([-1, 1, 1], place.dtype), distance_upper_bound=MIRROR_REACH
        )
        found = np.isfinite(reach)
        texels = self.texels.cpu().numpy()
        mirror = np.full(self.size**2, -1)
        mirror[texels[found]] = texels[index[found]]
        return torch.from_numpy(mirror).to(self.texels.device)
