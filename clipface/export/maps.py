"""The images of a head's materials: colours, relief as a tangent-space normal map, and roughness."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage
from torch import Tensor

from clipface.export.parts import EYEBALLS, INNER_MOUTH
from clipface.export.surface import texture_image
from clipface.head import HeadModel
from clipface.render.uv import UVMap

# Roughness of glTF's model, 0 a mirror and 1 chalk; chosen within what is measured on skin
# (Weyrich et al., "Analysis of human faces using a measurement-based skin reflectance model", 2006).
SKIN_ROUGHNESS, EYE_ROUGHNESS, MOUTH_ROUGHNESS = 0.56, 0.12, 0.3
ROUGHNESS = {"lips": 0.38, "nose": 0.48, "forehead": 0.5, "neck": 0.62, "scalp": 0.7}
ROUGHNESS_SIZE, ROUGHNESS_BLUR = 256, 0.012  # side of the map, pixels; of that side
# Of the relief, in millimetres: detail between these widths counts.
FINEST, COARSEST = 0.25, 1.6
LEAST = 0.5, 1.8  # texels of the same, where a map is coarse; standard deviations of the blurs between which it lies
DEEPEST = 0.14  # that anything is raised or sunk, so that paint, whose edges are sharp, is no ridge
STEEPNESS = 0.9  # of the depth that a tenfold change of brightness would have without that bound
DARKEST = 0.03  # brightness that is added, so that black is not infinitely deep
STEEPEST = 0.6  # slope
FADE = 2.0  # millimetres over which the relief ends at eyes and mouth
MILLIMETRES = 1000.0  # in a metre


class Maps(NamedTuple):
    """Images of one head, row 0 at the top."""

    colour: Image.Image
    normal: Image.Image  # as large as the colours
    roughness: Image.Image  # in the green channel; blue, metal, is 0


def head_maps(head: HeadModel, texture: Tensor, relief: Tensor | None = None) -> Maps:
    """Make the images of a head's materials.

    Args:
        head: on whose surface the texture lies.
        texture: [3, H, W] in 0..1, row 0 at the top.
        relief: [3, H', W'] in 0..1; whose fine detail is seen as relief: a photograph's texture before an edit. None:
            the texture's own.

    Raises:
        ValueError: for shapes that do not fit, numbers that are not finite, or a head without texture coordinates.
    """
    colour = texture_image(texture)
    source = colour if relief is None else texture_image(relief)
    return Maps(colour, _normals(head, source.resize(colour.size)), _roughness(head))


@lru_cache(maxsize=4)
def _chart(head: HeadModel, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of a square map: nearest texel on the surface, millimetres from a texel to the next, and the relief's share.

    Returns:
        [size²] int, [2, size, size] down and right, [size, size] in 0..1.
    """
    uv_map = UVMap(head, size)
    place = uv_map.image(uv_map.on_texels(head.v_template[None]), continued=True)[0].cpu().numpy() * MILLIMETRES
    covered = uv_map.covered.cpu().numpy()
    lengths = np.stack([np.linalg.norm(np.gradient(place, axis=axis), axis=0) for axis in (1, 2)])
    inside = ndimage.binary_erosion(covered, iterations=2)
    usual = float(np.median(lengths[:, inside])) if inside.any() else 1.0
    rows, columns = ndimage.distance_transform_edt(~inside, return_distances=False, return_indices=True)
    lengths = lengths[:, rows, columns].clip(usual / 4, usual * 4)
    plain = uv_map.region([*EYEBALLS, *INNER_MOUTH]).cpu().numpy() | ~covered
    share = ndimage.distance_transform_edt(~plain) if plain.any() else np.full(plain.shape, np.inf)
    return uv_map.nearest.cpu().numpy(), lengths, (share * usual / FADE).clip(0, 1)


def _normals(head: HeadModel, image: Image.Image) -> Image.Image:
    """A tangent-space normal map as glTF has it: red along the texture's x, green up along its y."""
    width, height = image.size
    side = max(width, height)
    nearest, lengths, share = _chart(head, side)
    grey = np.asarray(image.convert("L").resize((side, side)), np.float32).ravel()[nearest].reshape(side, side) / 255
    bright, texel = np.log10(grey + DARKEST), float(np.median(lengths))
    widths = max(FINEST / texel / 2, LEAST[0]), max(COARSEST / texel / 2, LEAST[1])
    fine, coarse = (ndimage.gaussian_filter(bright, width) for width in widths)
    raised = share * DEEPEST * np.tanh(STEEPNESS * (fine - coarse) / DEEPEST)  # millimetres: what is dark is deep
    down, right = (np.gradient(raised, axis=axis) / lengths[axis] for axis in (0, 1))
    normal = np.stack([-right, down, np.ones_like(down)], -1)  # y of the map is up
    steep = np.hypot(right, down)
    normal[..., :2] *= (np.minimum(steep, STEEPEST) / np.maximum(steep, 1e-9))[..., None]
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    levels = (normal * 127.5 + 127.5).round().astype(np.uint8)
    return Image.fromarray(levels).resize(image.size)


@lru_cache(maxsize=4)
def _roughness(head: HeadModel) -> Image.Image:
    """Roughness of the skin by the head's regions, as far as it has them."""
    uv_map = UVMap(head, ROUGHNESS_SIZE)
    rough = np.full((ROUGHNESS_SIZE, ROUGHNESS_SIZE), SKIN_ROUGHNESS)
    for name, value in ROUGHNESS.items():
        rough[uv_map.region([name]).cpu().numpy()] = value
    rough = rough.ravel()[uv_map.nearest.cpu().numpy()].reshape(rough.shape)
    rough = ndimage.gaussian_filter(rough, ROUGHNESS_BLUR * ROUGHNESS_SIZE)
    levels = np.zeros((*rough.shape, 3), np.uint8)
    levels[..., 1] = (rough * 255).round()
    return Image.fromarray(levels)
