"""A head's texture square, texel by texel: which point of the surface each one is, and which is its mirror image."""

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
    """Texels of one head, made once; N of the size² texels lie on the surface.

    Args:
        head: a head with texture coordinates; the chart lives on its device.
        size: side of the texture.
        backend: rasteriser.

    Attributes:
        texels: [N] positions in the flattened texture (row 0 is its top).
        corners: [N, 3] vertices of each texel's triangle; barycentric: [N, 3] its place in it.
        mirror: [size²] position of each texel's mirror image across the head's middle plane, -1 where there is none.
        nearest: [size²] the nearest texel on the surface; the texel itself on the surface.
    """

    def __init__(self, head: HeadModel, size: int, backend: str = "warp") -> None:
        self.head, self.size = head, size
        uv = head.uv
        flat = torch.stack([2 * uv[:, 0] - 1, 1 - 2 * uv[:, 1], 0 * uv[:, 0], 0 * uv[:, 0] + 1], 1)
        with torch.no_grad():
            rasterizer = interface.backend(backend)
            rast = rasterizer.rasterize(flat[None].contiguous(), head.uv_faces, (size, size), False).rast[0]
        rast = rast.reshape(-1, 4)
        self.texels = torch.nonzero(rast[:, 3] > 0)[:, 0]
        seen = rast[self.texels]
        self.corners = head.faces.long()[seen[:, 3].long() - 1]
        self.barycentric = torch.cat([seen[:, :2], 1 - seen[:, :2].sum(1, keepdim=True)], 1)
        covered = (rast[:, 3] > 0).reshape(size, size).cpu().numpy()
        rows, columns = ndimage.distance_transform_edt(~covered, return_distances=False, return_indices=True)
        self.nearest = torch.from_numpy((rows * size + columns).ravel()).to(uv.device)
        self.mirror = self._mirror()
        other = self.mirror[self.nearest]
        self._other_side = torch.where(other < 0, torch.arange(len(other), device=other.device), other)

    def on_texels(self, values: Tensor) -> Tensor:
        """Carry values at vertices [B, V, C] over to the N texels of the surface: [B, N, C]."""
        corners = values[:, self.corners.reshape(-1)].unflatten(1, (-1, 3))
        return (corners * self.barycentric[..., None]).sum(2)

    def image(self, values: Tensor, continued: bool = False) -> Tensor:
        """Lay values [B, N, C] of the texels out as [B, C, size, size]: 0 off the surface, or with `continued` the
        nearest texel's value there."""
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
        return images.flatten(2)[..., self._other_side].view_as(images)

    def _mirror(self) -> Tensor:
        place = self.on_texels(self.head.v_template[None])[0].cpu().numpy()
        reach, index = cKDTree(place).query(
            place * np.array([-1, 1, 1], place.dtype), distance_upper_bound=MIRROR_REACH
        )
        found = np.isfinite(reach)
        texels = self.texels.cpu().numpy()
        mirror = np.full(self.size**2, -1)
        mirror[texels[found]] = texels[index[found]]
        return torch.from_numpy(mirror).to(self.texels.device)
