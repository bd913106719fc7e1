"""Eyes for textures from photographs: a real eye's structure in the colours that the photograph shows.

A photographed eye is a few pixels with a window's reflection in it. Its colour is told from them, all else is not.
"""

import torch
from torch import Tensor
from torch.nn import functional

from clipface.bake.baker import Baked
from clipface.bake.mask import EYEBALLS
from clipface.bake.means import box_mean
from clipface.render.uv import UVMap
from clipface.synthetic.face.iris import EyeMaps, axis_angles

SEEN = (0.4, 0.92)  # iris radii: off the pupil and the limbal ring
BELOW = 0.45  # sine of the turn: higher up lie the lid's shade and most reflections
DULL = (0.15, 0.65)  # quantiles of the brightness between which a texel counts for the colour: no lash, no reflection
VIVID = 1.1  # of the colour's saturation, which the white beside it lowers
BRIGHTER, DARKEST, BRIGHTEST = 1.05, 0.11, 0.36  # of the iris' brightness: its factor, and its limits
WHITE, WHITE_LIMITS = (0.46, 0.38), (0.44, 0.76)  # brightness of the white: at black skin and per brightness of skin
LEAST_TEXELS = 12
USUAL = (0.30, 0.22, 0.15)  # of an iris of which too little is seen
# Shade of lids and lashes, as the photograph shows it: out to so many iris radii, a mean over this part of the
# texture's side, and the least light that is left.
SHADED, SHADE_WIDTH, LEAST_LIGHT = 2.6, 1 / 73, 0.5
DIM, KNOWN = 0.02, 0.1  # added to brightness before it is divided; share of a square from which it is told
BRIGHTEST_SHADED = 0.7  # reflections count as no more


class CleanEyes:
    """Puts eyes into textures; made once.

    Args:
        uv_map: of a head that names its eyeballs.
    """

    def __init__(self, uv_map: UVMap) -> None:
        self.maps = EyeMaps(*eye_angles(uv_map))
        radius = self.maps.radius
        inside = (radius > SEEN[0]) & (radius < SEEN[1]) & (self.maps.ball > 0.5)
        self.iris = inside & (self.maps.turn.sin() < BELOW)

    def __call__(self, texture: Tensor, baked: Baked, skin: Tensor) -> Tensor:
        """Textures [B, 3, R, R] with new eyes.

        Args:
            texture: [B, 3, R, R] in 0..1.
            baked: what images showed of the eyes.
            skin: [B, 3, 1, 1] colour of the face; not a number where none was seen.
        """
        iris = torch.stack([self.colour(*pair) for pair in zip(baked.texture, baked.weight, strict=True)])
        low, gain = WHITE
        white = (low + gain * skin.nan_to_num(0.5).mean(1, keepdim=True)).clamp(*WHITE_LIMITS)
        eyes = self.maps.paint(iris[..., None, None], white)
        return torch.lerp(texture, eyes * self._shade(eyes, baked), self.maps.ball)

    def _shade(self, eyes: Tensor, baked: Baked) -> Tensor:
        """[B, 1, R, R] by how much the photographs' eyes are darker, smooth: under lids and lashes."""
        seen = baked.weight * ((self.maps.radius < SHADED) & (self.maps.ball > 0.5))
        width = 2 * round(SHADE_WIDTH * eyes.shape[-1] / 2) + 1
        parts = [part.mean(1, keepdim=True).clamp_max(BRIGHTEST_SHADED) * seen for part in (baked.texture, eyes)]
        own, painted, known = (box_mean(box_mean(part, width), width) for part in (*parts, seen))
        ratio = (own + DIM * known) / (painted + DIM * known).clamp_min(1e-6)
        return torch.lerp(torch.ones_like(ratio), ratio.clamp(LEAST_LIGHT, 1), (known / KNOWN).clamp(0, 1))

    def colour(self, texture: Tensor, weight: Tensor) -> Tensor:
        """[3] mean colour of the irises in one baked texture [3, R, R], of which `weight` [1, R, R] was seen."""
        seen = texture[:, (self.iris[0, 0]) & (weight[0] > 0.3)]  # [3, N]
        if seen.shape[1] < LEAST_TEXELS:
            return seen.new_tensor(USUAL)
        light = seen.mean(0)
        low, high = torch.quantile(light, light.new_tensor(DULL))
        kept = (light >= low) & (light <= high)
        colour = seen[:, kept].mean(1)
        hue = (1 + (colour / colour.mean().clamp_min(1e-3) - 1) * VIVID).clamp(0.3, 2.0)
        return hue * (BRIGHTER * light[light <= high].mean()).clamp(DARKEST, BRIGHTEST)


def eye_angles(uv_map: UVMap) -> tuple[Tensor, Tensor, Tensor]:
    """Angle from the eye's axis, turn about it and membership, each [1, 1, R, R], of the texels of both eyeballs."""
    head, size = uv_map.head, uv_map.size
    place = uv_map.on_texels(head.v_template[None])[0]
    angle, turn = place.new_full((size**2,), torch.pi), place.new_zeros(size**2)
    ball = torch.zeros(size**2, dtype=torch.bool, device=place.device)
    for name in EYEBALLS:
        points = head.v_template[head.regions[name]]
        ray = functional.normalize(place - (points.amax(0) + points.amin(0)) / 2, dim=1)
        own = uv_map.region([name]).flatten()[uv_map.texels]
        texels = uv_map.texels[own]
        angle[texels], turn[texels] = axis_angles(ray[own])
        ball[texels] = True
    shape = (1, 1, size, size)
    # Off the eyeballs the nearest texel's, so that filtering shows no rim.
    return angle[uv_map.nearest].view(shape), turn[uv_map.nearest].view(shape), ball[uv_map.nearest].float().view(shape)
