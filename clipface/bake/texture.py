"""From fitted images to complete textures: baked, freed of their light, completed."""

import torch
from torch import Tensor
from torch.nn import functional

from clipface.bake import UNLIT
from clipface.bake.baker import Baked, Baker
from clipface.bake.completion import complete
from clipface.bake.eyes import CleanEyes
from clipface.bake.head_fit import HeadFit
from clipface.bake.mask import EYEBALLS
from clipface.bake.means import box_mean
from clipface.bake.neutral import neutral_gains
from clipface.head import HeadModel
from clipface.render.camera import view
from clipface.render.renderer import Renderer
from clipface.render.uv import UVMap
from clipface.shapes import expect
from clipface.synthetic.faces import PaintedFaces
from clipface.texture.linear import load_texture_model

# A face without hair, make-up or marks.
PLAIN = {
    "sex": "woman", "age": "young", "skin": "fair", "eyes": "brown", "hair": "bald", "beard": "none",
    "moustache": False, "freckles": False, "wrinkles": False, "tired": False, "scar": False, "makeup": "none",
    "lipstick": "none", "look": "none", "expression": "neutral",
}  # fmt: skip
# Teeth of the base: averaged over this part of the texture's side, how much of that shows, and its tint.
TEETH, TEETH_WIDTH, TEETH_EVEN, IVORY = "teeth", 1 / 57, 0.7, (1.0, 0.97, 0.91)
PREVIEW_SCALE, PREVIEW_YAW = 1.15, 30.0  # see `camera.view`; degrees


class TextureBaker:
    """Makes textures of one head from images; made once.

    Args:
        head: the head that was fitted.
        renderer: of its mesh, on the same device.
        base: [3, R', R'] in 0..1, a complete texture of this head for what images do not show; None: see
            `base_texture`.
        size: R, of the textures made.
        unlit: how much of the fitted light is taken out, 0 to 1.
        neutral: whether a lamp's tint is taken out too (see `neutral_gains`).
    """

    def __init__(
        self, head: HeadModel, renderer: Renderer, base: Tensor | None = None, size: int = 512, unlit: float = UNLIT,
        neutral: bool = False,
    ) -> None:  # fmt: skip
        base = base_texture(head, renderer, size) if base is None else base
        expect("base", base, (3, "R", "R"))
        self.baker, self.unlit, self.neutral = Baker(head, renderer, size), unlit, neutral
        self.clean_eyes = CleanEyes(self.baker.uv_map) if set(EYEBALLS) <= set(head.regions) else None
        base = functional.interpolate(base[None], (size, size), mode="bilinear", antialias=True)
        self.base = _soft_teeth(self.baker.uv_map, base)

    def baked(self, fit: HeadFit, crops: Tensor, mask: Tensor) -> Baked:
        """What B images show (see `Baker.bake`), without the fitted light."""
        baked = self.baker.without_light(fit, self.baker.bake(fit, crops, mask), self.unlit)
        if not self.neutral:
            return baked
        return Baked((baked.texture * neutral_gains(baked.mean_colour)).clamp(0, 1), baked.weight)

    def __call__(self, fit: HeadFit, crops: Tensor, mask: Tensor) -> Tensor:
        """Complete textures [B, 3, R, R] in 0..1 of B images; arguments as for `Baker.bake`."""
        return complete(self.baker.uv_map, self.baked(fit, crops, mask), self.base, self.clean_eyes)

    def of_one_person(self, fit: HeadFit, crops: Tensor, mask: Tensor) -> Tensor:
        """One complete texture [1, 3, R, R] of all B images, in which each counts where it shows the face best."""
        baked = self.baked(fit, crops, mask)
        colour = baked.mean_colour
        # Cameras differ in exposure and white balance: the first image's hold.
        texture = (baked.texture * (colour[:1] / colour)).clamp(0, 1)
        weight = baked.weight**3
        together = (texture * weight).sum(0, keepdim=True) / weight.sum(0, keepdim=True).clamp_min(1e-6)
        baked = Baked(together, baked.weight.amax(0, keepdim=True))
        return complete(self.baker.uv_map, baked, self.base, self.clean_eyes)


def base_texture(head: HeadModel, renderer: Renderer, size: int = 512) -> Tensor:
    """The texture [3, size, size] in 0..1 for what no image shows: the shipped one of this head, or a painted one."""
    shipped = load_texture_model(head)
    if shipped is None:
        return plain_skin(head, renderer, size)
    return functional.interpolate(shipped[1][None], (size, size), mode="bilinear", antialias=True)[0]


def plain_skin(head: HeadModel, renderer: Renderer, size: int = 512) -> Tensor:
    """Paint a texture [3, size, size] in 0..1 without hair, make-up or marks; always the same."""
    painted = PaintedFaces(head, renderer, size)
    generator = torch.Generator(head.v_template.device).manual_seed(1)
    return painted.sample(1, generator, 32, attributes=PLAIN).texture[0]


def _soft_teeth(uv_map: UVMap, base: Tensor) -> Tensor:
    """The base [1, 3, R, R] with fainter lines between teeth: in photographs they hardly show."""
    teeth = uv_map.region([TEETH])[None, None].float()
    width = 2 * round(TEETH_WIDTH * uv_map.size / 2) + 1
    total, share = (box_mean(part, width) for part in (base * teeth, teeth))
    even = torch.maximum(total / share.clamp_min(1e-4), base) * base.new_tensor(IVORY).view(1, 3, 1, 1)
    return torch.lerp(base, even, TEETH_EVEN * teeth)


@torch.no_grad()
def previews(head: HeadModel, renderer: Renderer, shape: Tensor, textures: Tensor, size: int) -> Tensor:
    """Render heads of neutral expression from the front and turned by 30 degrees.

    Args:
        head, renderer: of one mesh.
        shape: [B, <= n_shape].
        textures: [B, 3, R, R] in 0..1.
        size: of an image, pixels.

    Returns:
        [B, 3, size, 2 size] on white.
    """
    vertices, batch = head(shape), len(shape)
    zero = torch.zeros(batch, device=shape.device)
    images = [
        renderer(vertices, textures, view(zero + yaw, zero, PREVIEW_SCALE), size, supersample=2).image
        for yaw in (0.0, PREVIEW_YAW)
    ]
    return torch.cat(images, 3).clamp(0, 1)
