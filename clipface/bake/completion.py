"""A complete texture from the part that images show: by symmetry, then from a base in the person's own colours."""

import torch
from torch import Tensor
from torch.nn import functional

from clipface.bake.baker import Baked
from clipface.bake.mask import EYEBALLS, INSIDE
from clipface.render.uv import UVMap
from clipface.shapes import expect

TRUSTED = 0.35  # weight from which on colours are taken: those of stretched skin are the outline's and the sky's
RIM = 1 / 85  # of the texture's side: what lies so near to the border of the visible part is not trusted
FEATHER = 1 / 28  # of the texture's side: width of a seam
NARROW = 1 / 170  # of the texture's side: width of a seam beside lids and lips
FEATURES = ("eye_region", "right_eye_region", "left_eye_region", "nose", "lips")
DARKEST = 4 / 255  # added before logarithms of colours
MOST_RATIO = 1.4  # natural logarithm: how far a base may be brightened or darkened
EVEN = 0.04  # weight of the person's median colour ratio against that of the nearest visible texels
RINGS, EYE_REACH = 14, 0.9  # steps from the iris' centre outwards, and how far they go, radians
IRIS = 0.5  # radians from the eye's axis to the rim of the iris
# Which of the colours on a ring is the eye's: in the iris not the reflections, in the white not the lids' shade.
IRIS_QUANTILE, WHITE_QUANTILE = 0.4, 0.7
INSIDE_BRIGHTNESS, EYE_BRIGHTNESS = (0.85, 1.1), (0.85, 1.1)  # limits: teeth and eyes are white under dark skin too
KERNEL = (1.0, 3.0, 3.0, 1.0)


def complete(uv_map: UVMap, baked: Baked, base: Tensor) -> Tensor:
    """Fill what images did not show.

    Skin that is not visible is the other side's, if that is visible, else the base's; either is multiplied by a smooth
    colour ratio that continues the ratio found where both are known, so seams do not show. Eyeballs are the base's in
    the person's colours, ring by ring; mouth interior and teeth the base's, as bright as the face.

    Args:
        uv_map: of the head and of the texture's size.
        baked: B textures, from `Baker.bake`.
        base: [B or 1, 3, R, R] in 0..1, a complete texture of this head.

    Returns:
        [B, 3, R, R] in 0..1, continued beyond the UV map's borders.

    Raises:
        ValueError: for another size than the UV map's.
    """
    batch = expect("texture", baked.texture, ("B", 3, uv_map.size, uv_map.size))["B"]
    expect("weight", baked.weight, (batch, 1, uv_map.size, uv_map.size))
    expect("base", base, (len(base), 3, uv_map.size, uv_map.size))
    base = base.expand(batch, -1, -1, -1)
    eyes, inside = uv_map.region(list(EYEBALLS)), uv_map.region(list(INSIDE))
    surface = torch.zeros(uv_map.size**2, dtype=torch.bool, device=base.device)
    surface[uv_map.texels] = True
    skin = (surface.view_as(eyes) & ~eyes & ~inside).float()
    weight = _feathered(uv_map, ((baked.weight - TRUSTED) / (1 - TRUSTED)).clamp(0, 1) * skin)
    mirror, mirror_weight = uv_map.flipped(baked.texture), uv_map.flipped(weight)
    rest = (1 - weight) * mirror_weight
    seen = weight + rest
    matched = _matched(mirror, baked.texture, weight * mirror_weight)
    texture = (baked.texture * weight + matched * rest) / seen.clamp_min(1e-6)
    result = torch.lerp(_matched(base, texture, seen * skin), texture, seen)
    brightness = _median_ratio(result, base, (skin * seen) > 0.5).mean(1, keepdim=True)
    result = torch.where(inside, base * brightness.clamp(*INSIDE_BRIGHTNESS), result)
    result = torch.where(eyes, _eyeballs(uv_map, baked, base, brightness.clamp(*EYE_BRIGHTNESS)), result)
    flat = result.clamp(0, 1).flatten(2)[..., uv_map.nearest]
    return flat.view_as(result)


def spread_out(values: Tensor, weight: Tensor) -> Tensor:
    """Continue values [B, C, R, R] smoothly from where `weight` [B, 1, R, R] is positive (pull and push).

    Far from all that is known, means over ever wider surroundings are taken.
    """
    kernel = values.new_tensor(KERNEL)
    kernel = torch.outer(kernel, kernel) / kernel.sum() ** 2
    levels = [(values * weight, weight)]
    while min(levels[-1][0].shape[-2:]) > 4:
        channels = [part.flatten(0, 1)[:, None] for part in levels[-1]]
        shrunk = [functional.conv2d(part, kernel[None, None], stride=2, padding=1) for part in channels]
        levels.append(tuple(part[:, 0].unflatten(0, (len(values), -1)) for part in shrunk))
    total, share = levels[-1]
    result = (total.sum((2, 3), keepdim=True) / share.sum((2, 3), keepdim=True).clamp_min(1e-8)).expand_as(total)
    for total, share in reversed(levels):
        if result.shape[-2:] != total.shape[-2:]:
            result = functional.interpolate(result, total.shape[-2:], mode="bilinear", align_corners=False)
        # What is nearly unknown here is taken from the coarser level.
        known = (share * 4).clamp(0, 1)
        result = torch.lerp(result, total / share.clamp_min(1e-8), known)
    return result


def _feathered(uv_map: UVMap, weight: Tensor) -> Tensor:
    """Weights that fall to 0 smoothly, inside the area where they were positive and off its rim.

    Rims of lids, lips and nostrils are not trusted less: the seam there is as narrow as can be.
    """
    # Borders of the UV map (lids, lips) are no borders of the visible part.
    weight = weight.flatten(2)[..., uv_map.nearest].view_as(weight)
    rim, width, narrow = (2 * round(part * uv_map.size / 2) + 1 for part in (RIM, FEATHER, NARROW))
    features = functional.max_pool2d(uv_map.region(list(FEATURES))[None, None].float(), width, 1, width // 2)
    wide = 1 - functional.max_pool2d(1 - torch.maximum(weight, features), rim + width - 1, 1, (rim + width - 1) // 2)
    tight = 1 - functional.max_pool2d(1 - weight, narrow, 1, narrow // 2)
    for _ in range(2):  # twice a box is nearly a bell
        wide = functional.avg_pool2d(wide, width // 4 * 2 + 1, 1, width // 4, count_include_pad=False)
        tight = functional.avg_pool2d(tight, narrow, 1, narrow // 2, count_include_pad=False)
    return torch.minimum(wide, tight)


def _matched(other: Tensor, texture: Tensor, both: Tensor) -> Tensor:
    """`other` in the colours of `texture`; `both` [B, 1, R, R] says where the two can be compared."""
    ratio = torch.log(texture + DARKEST) - torch.log(other + DARKEST)
    ratio = ratio.clamp(-MOST_RATIO, MOST_RATIO)
    usual = ratio.masked_fill(both < 0.5, float("nan")).flatten(2).nanmedian(2).values.nan_to_num(0.0)[..., None, None]
    ratio = spread_out((ratio * both + usual * EVEN) / (both + EVEN), both + EVEN)
    return ((other + DARKEST) * ratio.exp() - DARKEST).clamp(0, 1)


def _median_ratio(texture: Tensor, base: Tensor, where: Tensor) -> Tensor:
    """[B, 3, 1, 1] median of texture over base."""
    ratio = (texture + DARKEST) / (base + DARKEST)
    ratio = ratio.masked_fill(~where, float("nan")).flatten(2)
    return torch.nanmedian(ratio, 2).values.nan_to_num(1.0)[..., None, None]


def _ring_ratio(texture: Tensor, base: Tensor, where: Tensor, quantile: float) -> Tensor:
    """[B, 3, 1, 1] quantile of texture over median of base; `where` [B, 1, R, R] has few texels. 0 without any."""
    some = where.any(0)[0]  # [R, R]
    if not some.any():
        return texture.new_zeros(len(texture), 3, 1, 1)
    seen = texture[:, :, some].masked_fill(~where[:, :, some], float("nan"))
    known = base[:, :, some].masked_fill(~where[:, :, some], float("nan"))
    ratio = torch.nanquantile(seen, quantile, 2) / (torch.nanmedian(known, 2).values + DARKEST)
    return ratio.nan_to_num(0.0)[..., None, None]


def _eyeballs(uv_map: UVMap, baked: Baked, base: Tensor, brightness: Tensor) -> Tensor:
    """The base's eyes in the colours found at the same angle from the iris' middle, of both eyes together."""
    angle = _eye_angle(uv_map)
    position = (angle / EYE_REACH * RINGS).clamp(0, RINGS - 1)
    ratios = []
    for ring in range(RINGS):
        near = ((position - ring).abs() < 0.75) & (baked.weight > 0.3)
        count = near.flatten(1).sum(1)
        inside = ring / RINGS * EYE_REACH < IRIS
        ratio = _ring_ratio(baked.texture, base, near, IRIS_QUANTILE if inside else WHITE_QUANTILE)
        ratios.append(torch.where((count > uv_map.size / 32)[:, None, None, None], ratio, torch.zeros_like(ratio)))
    return _ringed(base, torch.cat(ratios, 2), position, brightness)


def _ringed(base: Tensor, ratios: Tensor, position: Tensor, brightness: Tensor) -> Tensor:
    """Multiply by ratios [B, 3, rings, 1], interpolated between rings; those not visible follow the inner ones."""
    rows = [ratios[:, :, 0]]
    rows[0] = torch.where(rows[0] > 0, rows[0], brightness[..., 0].expand_as(rows[0]))
    for ring in range(1, ratios.shape[2]):
        own = ratios[:, :, ring]
        rows.append(torch.where(own > 0, own, 0.7 * rows[-1] + 0.3 * brightness[..., 0]))
    table = torch.cat(rows, 2).clamp(0.25, 2.0)  # [B, 3, rings]
    low = position.floor().long().clamp(0, RINGS - 2)
    part = position - low
    between = table[:, :, low] * (1 - part) + table[:, :, low + 1] * part
    return (base * between).clamp(0, 1)


def _eye_angle(uv_map: UVMap) -> Tensor:
    """[R, R] angle between a texel of an eyeball and the eye's axis, radians; pi elsewhere."""
    head = uv_map.head
    angle = torch.full((uv_map.size**2,), torch.pi, device=uv_map.texels.device)
    place = uv_map.on_texels(head.v_template[None])[0]
    for name in EYEBALLS:
        if name not in head.regions:
            continue
        ball = head.v_template[head.regions[name]]
        ray = functional.normalize(place - (ball.amax(0) + ball.amin(0)) / 2, dim=1)
        own = uv_map.region([name]).flatten()[uv_map.texels]
        angle[uv_map.texels[own]] = torch.arccos(ray[own, 2].clamp(-1, 1))
    return angle.view(uv_map.size, uv_map.size)
