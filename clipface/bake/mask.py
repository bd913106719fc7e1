"""Which pixels of an image show the skin of the face."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from clipface.bake.baker import vertices_of
from clipface.bake.head_fit import HeadFit
from clipface.bake.skin_colour import colour_logs, skin_odds, without_shading
from clipface.head import HeadModel
from clipface.head.regions import known_region_mask
from clipface.render.camera import project
from clipface.render.rasterize import interface
from clipface.render.renderer import Renderer
from clipface.render.shading import vertex_normals
from clipface.shapes import expect

FACE = ("face", "forehead", "eye_region", "right_eye_region", "left_eye_region", "nose", "lips")
EYEBALLS = ("right_eyeball", "left_eyeball")
INSIDE = ("mouth_interior", "teeth", "tongue")  # never baked from images
FEATURES = ("eye_region", "right_eye_region", "left_eye_region", "brows", "lips", "eye_sockets")  # of other colours
SHRINK = 2  # the mask is found on images this much smaller
PERSON = 0.7
GRAZING = 0.12  # cosine to the viewer below which skin is too stretched to be used
AROUND = 0.12  # of the image's side: how far around the face hair and background are looked at
SURE_DEPTH = 0.02  # metres from the face region's border
DEPTH_ODDS, FOREHEAD_ODDS = 1.2, 0.5  # log odds that a centimetre further inside the face adds for skin
BELOW_FOREHEAD = ("eye_region", "right_eye_region", "left_eye_region", "brows")
FOREHEAD_SHARE = 0.5  # weight of the forehead in the shading's fit: it alone looks up, but may be covered
FOREHEAD_DEPTH = 0.006  # metres from the face region's border
FOREHEAD_GAP = 0.004  # metres above those
# A strand before the forehead is darker than skin, in logarithms: by this much and so many spreads of the skin.
STRAND = (0.4, 2.0)
MIDDLE = 0.6  # of the face's half width
STRANDS = 0.25  # of the image's side: how far hair is followed into the face
BORDER_ROUNDS = 8  # of averaging the face's border over neighbouring vertices
GROW = 2  # pixels of the small image that hair is grown by


class FaceMask:
    """Finds the visible skin of the face in crops.

    Args:
        head: a head with regions; those it has of `FACE` make up the face.
        renderer: of its mesh, on the same device.

    Raises:
        ValueError: if the head names no region of a face.
    """

    def __init__(self, head: HeadModel, renderer: Renderer) -> None:
        self.head, self.renderer = head, renderer
        if not set(FACE) & set(head.regions):
            raise ValueError(
                f"head: expected a region called one of {', '.join(FACE)}, got none in {head.source}; FLAME's are in "
                "FLAME_masks.pkl beside it"
            )
        faces = head.faces.long()
        interior = known_region_mask(head, INSIDE)
        is_face = known_region_mask(head, FACE) & ~interior
        eyes = known_region_mask(head, EYEBALLS)
        # Label of what a pixel sees: 0 nothing or other parts, 1 skin (a smooth map says where the face ends), 2 the
        # face's plain skin, 3 an eyeball.
        hollow = interior | eyes | known_region_mask(head, ("eye_sockets",))
        labels = torch.zeros(len(faces) + 1, dtype=torch.long, device=faces.device)
        labels[1:][~hollow[faces].all(1)] = 1
        labels[1:][is_face[faces].all(1) & ~known_region_mask(head, FEATURES)[faces].any(1)] = 2
        labels[1:][eyes[faces].all(1)] = 3
        self._labels = labels
        distance = torch.cdist(head.v_template, head.v_template[~is_face & ~hollow]).amin(1)
        height = head.v_template[:, 1]
        below = height[known_region_mask(head, BELOW_FOREHEAD)]
        # A head that names no eyes has no forehead either: strands are not looked for.
        above = height > (below.max() + FOREHEAD_GAP if len(below) else height.max())
        side = head.v_template[:, 0].abs()
        middle = side < MIDDLE * side[is_face].max()
        maps = [_smooth(is_face | hollow, faces), distance * is_face, above.float(), middle.float()]
        self._maps = torch.stack(maps, 1)  # [V, 4]

    @torch.no_grad()
    def __call__(self, fit: HeadFit, crops: Tensor, person: Tensor, inside: Tensor) -> Tensor:
        """Find the mask.

        Args:
            fit: B heads.
            crops: [B, S, S, 3] uint8.
            person: [B, S, S] uint8, 255 where the person is.
            inside: [B, S, S] bool, where the photograph reached.

        Returns:
            [B, S, S] uint8, 255 where the skin or an eye of the face is visible: not hidden by the head itself, nor by
            hair, cloth or whatever has not this person's skin colour; soft at its border.
        """
        sizes = expect("crops", crops, ("B", "S", "S", 3))
        expect("person", person, (sizes["B"], sizes["S"], sizes["S"]))
        expect("inside", inside, (sizes["B"], sizes["S"], sizes["S"]))
        small = functional.avg_pool2d(crops.permute(0, 3, 1, 2).float() / 255, SHRINK)
        human = functional.avg_pool2d(person[:, None].float() / 255, SHRINK)[:, 0]
        photograph = functional.avg_pool2d(inside[:, None].float(), SHRINK)[:, 0] > 0.99
        seen = self._see(fit, small.shape[-1])
        region = (seen.labels > 0) & (seen.normals[..., 2] > GRAZING) & photograph & (human > PERSON)
        hair = self._hair(small, seen, photograph, human > PERSON)
        opened = _grow(~_grow(~(region & ~hair)))  # without thin bits, and what does not hang together with the core
        skin = _flood(seen.sure, opened, opened.shape[-1] // 3)
        soft = functional.avg_pool2d(skin[:, None].float(), 5, 1, 2, count_include_pad=False)
        soft = ((soft - 0.5) * 2).clamp(0, 1)  # falls to 0 on the border, so nothing beyond it is used
        soft = functional.interpolate(soft, scale_factor=SHRINK, mode="bilinear", align_corners=False)[:, 0]
        return (soft * 255).round().byte()

    def _see(self, fit: HeadFit, size: int) -> "_Visible":
        vertices = vertices_of(self.head, fit)
        rasterizer = interface.backend(self.renderer.backend)
        clip = project(vertices, fit.camera).contiguous()
        fragments = rasterizer.rasterize(clip, self.renderer.faces, (size, size), False)
        normals = vertex_normals(vertices, self.head.faces)
        values = torch.cat([normals, self._maps.expand(len(normals), -1, -1)], 2)
        values, _ = rasterizer.interpolate(values, fragments, self.renderer.faces)
        labels = self._labels[fragments.rast[..., 3].long()]
        labels = torch.where((labels > 0) & (labels < 3) & (values[..., 3] < 0.5), 0, labels)
        normals = functional.normalize(values[..., :3], dim=-1)
        return _Visible(labels, normals, values[..., 4], values[..., 5] > 0.5, values[..., 6] > 0.5)

    def _hair(self, small: Tensor, seen: "_Visible", photograph: Tensor, human: Tensor) -> Tensor:
        """[B, s, s] bool: hair or cloth before the face, which hangs together with that around it, and dark strands
        before the forehead."""
        labels, depth, above = seen.labels, seen.depth, seen.above
        face, upright = labels > 0, seen.normals[..., 2] > 0.3
        sure = (seen.sure & upright & human & photograph).float()
        forehead = FOREHEAD_SHARE * ((labels == 2) & above & (depth > FOREHEAD_DEPTH) & upright & human & photograph)
        near = _grow(face, round(AROUND * small.shape[-1]))
        logs = colour_logs(small)
        facing = torch.where((labels == 0)[..., None], small.new_tensor([0.0, 0.0, 1.0]), seen.normals)
        rest, spread = without_shading(logs, facing, sure + forehead)
        odds = skin_odds(logs, rest, spread, sure, (near & ~face & photograph).float())
        odds = functional.avg_pool2d(odds.clamp(-4, 4)[:, None], 3, 1, 1, count_include_pad=False)[:, 0]
        strands = above & face & (odds < 0) & (rest[..., 0] < -STRAND[0] - STRAND[1] * spread[:, None, None, 0])
        inside = depth.clamp(max=SURE_DEPTH) / 0.01  # centimetres
        odds = odds + torch.where(above, FOREHEAD_ODDS, DEPTH_ODDS) * inside - 0.5
        other = (odds < 0) & ((labels == 0) | (labels == 2) | (depth < SURE_DEPTH))
        hair = _flood(other & ~face & near, other, round(STRANDS * small.shape[-1]))
        return _grow((hair & face) | strands, GROW)


class _Visible(NamedTuple):
    """What pixels see: label [B, s, s], unit normal [B, s, s, 3], how deep inside the face, metres, whether above the
    brows, and whether in the middle of the face's width."""

    labels: Tensor
    normals: Tensor
    depth: Tensor
    above: Tensor
    middle: Tensor

    @property
    def sure(self) -> Tensor:
        """Plain skin that hair and cloth seldom reach; a beard does, and counts as skin."""
        return (self.labels == 2) & (self.depth > SURE_DEPTH) & ~self.above & self.middle


def _smooth(inside: Tensor, faces: Tensor) -> Tensor:
    """[V] a region's membership, averaged over neighbours until its border is no staircase of triangles."""
    value = inside.float()
    start, end = torch.cat([faces, faces.roll(1, 1)]).flatten(), torch.cat([faces.roll(1, 1), faces]).flatten()
    count = torch.zeros_like(value).index_add(0, start, torch.ones_like(value[end])).clamp_min(1)
    for _ in range(BORDER_ROUNDS):
        value = (value + torch.zeros_like(value).index_add(0, start, value[end]) / count) / 2
    return value


def _flood(seeds: Tensor, where: Tensor, steps: int) -> Tensor:
    """Grow `seeds` [B, H, W] inside `where` by at most so many pixels."""
    grown = seeds & where
    for _ in range(steps):
        grown = _grow(grown) & where
    return grown


def _grow(mask: Tensor, pixels: int = 1) -> Tensor:
    """Widen a mask [B, H, W], bool, to all sides."""
    for _ in range(pixels):  # shifted copies: many times faster than pooling
        wide = mask.clone()
        wide[..., 1:] |= mask[..., :-1]
        wide[..., :-1] |= mask[..., 1:]
        mask = wide.clone()
        mask[..., 1:, :] |= wide[..., :-1, :]
        mask[..., :-1, :] |= wide[..., 1:, :]
    return mask
