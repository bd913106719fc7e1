"""A complete texture from the part that images show: by symmetry, then from a base in the person's own colours."""

import torch
from torch import Tensor
from torch.nn import functional

from clipface.bake.baker import Baked
from clipface.bake.eyes import CleanEyes
from clipface.bake.mask import EYEBALLS, INSIDE
from clipface.bake.means import box_mean, greatest
from clipface.render.uv import UVMap
from clipface.shapes import expect

TRUSTED = 0.35  # weight from which on colours are taken: those of stretched skin are the outline's and the sky's
RIM = 1 / 85  # of the texture's side: what lies so near to the border of the visible part is not trusted
FEATHER = 1 / 28  # of the texture's side: width of a seam
NARROW = 1 / 170  # of the texture's side: width of a seam beside lids and lips
FEATURES = ("eye_region", "right_eye_region", "left_eye_region", "nose", "lips")
DARKEST = 4 / 255  # added before logarithms of colours
MOST_RATIO = 1.4  # natural logarithm: how far a base may be brightened or darkened
ODD_RATIO = 0.6  # likewise, how far from the person's median: more is a hair's or a brow's colour, not to be continued
EVEN = 0.04  # weight of the person's median colour ratio against that of the nearest visible texels
INSIDE_BRIGHTNESS, EYE_BRIGHTNESS = (0.85, 1.1), (0.85, 1.1)  # limits: teeth and eyes are white under dark skin too
KERNEL = (1.0, 3.0, 3.0, 1.0)
BROADEST = 24  # texels a side, of the coarsest band in which a seam is hidden
EARS, EAR_TINT = ("right_ear", "left_ear"), (0.95, 0.87, 0.86)  # their colour over the face's: redder, in its shade
EAR_QUANTILE = 0.85  # of the ears' colours, that is compared: half an ear is hollow and dark
THINNED = 3  # every so many-th texel is enough for a quantile or a median


def complete(uv_map: UVMap, baked: Baked, base: Tensor, clean_eyes: CleanEyes | None = None) -> Tensor:
    """Fill what images did not show.

    Skin that is not visible is the other side's, if that is visible, else the base's; either is multiplied by a smooth
    colour ratio that continues the ratio found where both are known, so seams do not show. Ears get the face's colour,
    eyeballs a real eye's structure; mouth interior and teeth are the base's, as bright as the face.

    Args:
        uv_map: of the head and of the texture's size.
        baked: B textures, from `Baker.bake`.
        base: [B or 1, 3, R, R] in 0..1, a complete texture of this head.
        clean_eyes: of this UV map; None: the base's eyes stay.

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
    result = _joined(texture, _matched(base, texture, seen * skin), seen)
    result = _ears(uv_map, result, skin * seen)
    brightness = _median_ratio(result, base, (skin * seen) > 0.5).mean(1, keepdim=True)
    result = torch.where(inside, base * brightness.clamp(*INSIDE_BRIGHTNESS), result)
    if clean_eyes is not None:
        result = clean_eyes(result, baked, _quantile(result, (skin * seen) > 0.5))
    else:
        result = torch.where(eyes, base * brightness.clamp(*EYE_BRIGHTNESS), result)
    flat = result.clamp(0, 1).flatten(2)[..., uv_map.nearest]
    return flat.view_as(result)


def _ears(uv_map: UVMap, texture: Tensor, face: Tensor) -> Tensor:
    """Give ears, which few images show, the person's own colour; their shading stays."""
    ears = uv_map.region(list(EARS))[None, None]
    if not ears.any():
        return texture
    own = _quantile(texture, face > 0.5) * texture.new_tensor(EAR_TINT).view(1, 3, 1, 1)
    ratio = own / _quantile(texture, ears.expand_as(face), EAR_QUANTILE).clamp_min(DARKEST)
    ratio = ratio.nan_to_num(1.0)  # of a face that is not seen at all
    return torch.lerp(texture, texture * ratio, box_mean(ears.float(), 2 * round(RIM * uv_map.size / 2) + 1))


def _quantile(texture: Tensor, where: Tensor, quantile: float = 0.5) -> Tensor:
    """[B, 3, 1, 1] quantile of the colours where `where` [B, 1, R, R] holds; not a number where it holds nowhere."""
    values = texture.masked_fill(~where, float("nan")).flatten(2)[..., ::THINNED]
    return torch.nanquantile(values, quantile, 2)[..., None, None]


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
    features = greatest(uv_map.region(list(FEATURES))[None, None].float(), width)
    wide = 1 - greatest(1 - torch.maximum(weight, features), rim + width - 1)
    tight = 1 - greatest(1 - weight, narrow)
    for _ in range(2):  # twice a box is nearly a bell
        wide, tight = box_mean(wide, width // 4 * 2 + 1), box_mean(tight, narrow)
    return torch.minimum(wide, tight)


def _joined(inner: Tensor, outer: Tensor, share: Tensor) -> Tensor:
    """`inner` where `share` [B, 1, R, R] is 1, `outer` where it is 0; between, fine detail meets within a narrow seam
    and broad shades within a wide one.

    Source: Burt, Adelson, "A multiresolution spline with application to image mosaics" (1983).
    """
    rest = spread_out(inner - outer, share)
    rest = torch.lerp(rest, inner - outer, share)
    result = outer
    while True:
        if min(rest.shape[-2:]) <= BROADEST:
            return result + _resized(rest * share, outer)
        coarse = functional.avg_pool2d(rest, 2)
        result = result + _resized((rest - _resized(coarse, rest)) * share, outer)
        # The next band's seam is wider, and stays inside what is known.
        rest, share = coarse, box_mean(1 - greatest(1 - functional.avg_pool2d(share, 2), 3), 3)


def _resized(image: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(image, like.shape[-2:], mode="bilinear", align_corners=False)


def _matched(other: Tensor, texture: Tensor, both: Tensor) -> Tensor:
    """`other` in the colours of `texture`; `both` [B, 1, R, R] says where the two can be compared."""
    ratio = torch.log(texture + DARKEST) - torch.log(other + DARKEST)
    ratio = ratio.clamp(-MOST_RATIO, MOST_RATIO)
    known = ratio.masked_fill(both < 0.5, float("nan")).flatten(2)[..., ::THINNED]
    usual = known.nanmedian(2).values.nan_to_num(0.0)[..., None, None]
    ratio = ratio.clamp(usual - ODD_RATIO, usual + ODD_RATIO)
    ratio = spread_out((ratio * both + usual * EVEN) / (both + EVEN), both + EVEN)
    return ((other + DARKEST) * ratio.exp() - DARKEST).clamp(0, 1)


def _median_ratio(texture: Tensor, base: Tensor, where: Tensor) -> Tensor:
    """[B, 3, 1, 1] median of texture over base."""
    ratio = (texture + DARKEST) / (base + DARKEST)
    ratio = ratio.masked_fill(~where, float("nan")).flatten(2)[..., ::THINNED]
    return torch.nanmedian(ratio, 2).values.nan_to_num(1.0)[..., None, None]
