"""Where a photograph shows the bare head: skin of face, ears, neck and a bald scalp; no hair, cloth, hands, glasses."""

from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from clipface.bake.completion import EARS, spread_out
from clipface.bake.head_fit import HeadFit
from clipface.bake.mask import EYEBALLS, FACE, FEATURES, INSIDE, FaceMask
from clipface.bake.skin_colour import DARK, colour_logs, skin_odds, without_shading
from clipface.edit.into_photo.glasses import glasses
from clipface.edit.into_photo.hands import hands
from clipface.edit.into_photo.images import as_tensor, guided, looked_up
from clipface.edit.into_photo.steady import Steady
from clipface.edit.into_photo.window import CROP_SIZE, Window
from clipface.head import HeadModel
from clipface.head.regions import known_region_mask
from clipface.photos.detection import FaceDetector
from clipface.photos.examine import crop
from clipface.render.camera import project
from clipface.render.rasterize import interface
from clipface.render.renderer import Renderer
from clipface.render.shading import vertex_normals

SIDE = 448  # pixels, longer side of the image that the mask is found on
WIDE = 1.3  # times the crop: the square in which the person is separated from the background
PERSON = 0.6
UPRIGHT = 0.3  # cosine to the viewer from which on skin is looked at as a sample
# Log odds of being skin that a part of the head adds: bald scalps are rare.
SCALP_ODDS, NECK_ODDS, EAR_ODDS, ELSEWHERE = -0.8, 0.0, 1.5, 0.5
BROAD = 3.0  # times the face's spread of colours, see `skin_odds`
HEAD_ON = 0.6  # cosine from which on white light on skin is expected
FINE = 1.5  # pixels: detail finer than this is what hair has and skin has not
ROUGH, ROUGHNESS = 1.5, 1.5  # times the skin's own detail, from which on it counts against skin, and how much
ROUGH_ELSEWHERE = 0.4  # share of that off the scalp: ears and throats have folds
SMOOTH = 1.5  # pixels, the odds are averaged over
BEYOND = 0.04  # of the window: how far skin may lie outside of the fitted head, whose ears are seldom exact
# Of the window's area: smaller holes are closed, such as wrinkles, and those lighter than the face, such as highlights.
HOLE, SHINY_HOLE = 0.004, 0.02
NECK_END = 0.025  # metres above the lower end of the neck from which on the mask fades


class BareHead:
    """Finds the bare skin of a fitted head in its photograph.

    Args:
        head: a head with regions.
        renderer: of its mesh, on the same device.
    """

    def __init__(self, head: HeadModel, renderer: Renderer) -> None:
        self.head, self.renderer, self.find_face = head, renderer, FaceMask(head, renderer)
        faces = head.faces.long()
        inside = known_region_mask(head, (*INSIDE, *EYEBALLS, "eye_sockets"))
        features = known_region_mask(head, FEATURES) | inside
        named = [known_region_mask(head, names) for names in (("scalp",), ("neck",), EARS)]
        parts = [known_region_mask(head, FACE) & ~features, *named, inside]
        self._flags = torch.zeros(len(faces) + 1, len(parts), dtype=torch.bool, device=faces.device)
        for column, part in enumerate(parts):
            self._flags[1:, column] = part[faces].sum(1) > 1
        ends = known_region_mask(head, ("boundary",))
        away = torch.cdist(head.v_template, head.v_template[ends]).amin(1) if ends.any() else torch.ones_like(ends)
        fade = (away.float() / NECK_END).clamp(0, 1)
        self._fade = (fade * fade * (3 - 2 * fade))[None, :, None]

    @torch.no_grad()
    def __call__(
        self, photograph: np.ndarray, fit: HeadFit, matrix: np.ndarray, vertices: Tensor, window: Window,
        detector: FaceDetector, steady: Steady | None = None,
    ) -> Tensor:  # fmt: skip
        """Find the mask.

        Args:
            photograph: [H, W, 3] uint8.
            fit: of one head.
            matrix: [3, 3], pixels of the photograph to those of the fit's crop.
            vertices: [1, V, 3] of that head.
            window: the part of the photograph; its image is what the mask is for.
            detector: separates the person from the background.
            steady: of a video.

        Returns:
            [1, 1, rows, columns] in 0..1.
        """
        small = window.reduced(SIDE)
        part = window.cut(photograph)
        image = as_tensor(part, small.size).to(vertices)
        face, person, covered = self._found(photograph, fit, matrix, detector, small)
        seen = self._see(fit, matrix, vertices, small)
        skin = _skin(image, seen, face, person, _odds(image, seen, face))
        skin = skin if steady is None else steady("skin", skin)
        soft = guided(skin * seen.fade, image, as_tensor(part, window.size).to(vertices))
        near = functional.interpolate(_near(seen).to(soft), window.size, mode="bilinear", align_corners=False)
        covered = functional.interpolate(covered[:, None], window.size, mode="bilinear", align_corners=False)
        return ((soft - 0.5) * 2).clamp(0, 1) * near * (1 - 2 * covered).clamp(0, 1)

    def _found(
        self, photograph: np.ndarray, fit: HeadFit, matrix: np.ndarray, detector: FaceDetector, small: Window
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Skin of the face, the person, and what covers the face [1, rows, columns] in 0..1."""
        full = Image.fromarray(photograph)
        cut = crop(full, matrix, CROP_SIZE)
        person = torch.from_numpy((detector.person(cut.image) * 255).round().astype(np.uint8))
        given = (torch.tensor(array)[None].to(fit.scale.device) for array in (cut.image, cut.inside))
        image, inside = given
        face = self.find_face(fit, image, person[None].to(image.device), inside)[:, None].float() / 255
        middle = CROP_SIZE / 2
        zoom = np.array([[1 / WIDE, 0, middle - middle / WIDE], [0, 1 / WIDE, middle - middle / WIDE], [0, 0, 1]])
        wide = detector.person(crop(full, zoom @ matrix, CROP_SIZE).image)
        to_crop = matrix @ small.to_photograph()
        person = torch.from_numpy(wide)[None, None].to(face)
        found = detector.faces(cut.image)
        before = hands(detector.hands(cut.image), CROP_SIZE)
        before |= glasses(cut.image, found[0]) if found else False
        before = torch.from_numpy(before)[None, None].to(face)
        parts = ((face, to_crop), (person, zoom @ to_crop), (before, to_crop))
        return tuple(looked_up(part, place, small.size)[:, 0] for part, place in parts)

    def _see(self, fit: HeadFit, matrix: np.ndarray, vertices: Tensor, small: Window) -> "_Seen":
        rasterizer = interface.backend(self.renderer.backend)
        clip = project(vertices, small.camera(fit, matrix)).contiguous()
        fragments = rasterizer.rasterize(clip, self.renderer.faces, small.size, False)
        values = torch.cat([vertex_normals(vertices, self.head.faces), self._fade], 2)
        values, _ = rasterizer.interpolate(values, fragments, self.renderer.faces)
        triangle = fragments.rast[..., 3].long()
        plain, scalp, neck, ears, inside = self._flags[triangle].unbind(-1)
        shown = triangle > 0
        fade = spread_out((values[..., 3] * shown)[:, None], shown[:, None].float())
        normals = values.new_tensor([0.0, 0.0, 1.0]).where(~shown[..., None], values[..., :3])
        return _Seen(shown, functional.normalize(normals, dim=-1), plain, scalp, neck, ears, inside, fade)


class _Seen(NamedTuple):
    """What pixels see of the head.

    `silhouette` [1, h, w] bool; `normals` [1, h, w, 3], unit, towards the viewer beyond the head; then bool
    [1, h, w]: `plain` skin of the face, `scalp`, `neck`, `ears`, `inside` of mouth and eyes; `fade` [1, 1, h, w], 0
    at the end of the neck.
    """

    silhouette: Tensor
    normals: Tensor
    plain: Tensor
    scalp: Tensor
    neck: Tensor
    ears: Tensor
    inside: Tensor
    fade: Tensor


def _odds(image: Tensor, seen: _Seen, face: Tensor) -> Tensor:
    """Log odds [1, h, w] of being skin, by colour and fine detail."""
    logs = colour_logs(image)
    sure = ((face > 0.9) & seen.plain & (seen.normals[..., 2] > UPRIGHT)).float()
    rest, spread = without_shading(logs, seen.normals, sure)
    usual = (logs * sure[..., None]).sum((1, 2)) / sure.sum((1, 2))[:, None].clamp_min(1e-6)
    rough = _roughness(logs[..., 0], sure)
    rest = _without_highlights(
        image, logs, rest, (seen.plain | (seen.scalp & (rough < ROUGH / 2))) & (seen.normals[..., 2] > HEAD_ON)
    )
    plain = logs - usual[:, None, None]
    # Away from the face the fitted shading is a guess: skin may look as on the mean of the face, too.
    rest = torch.where(rest.abs() < plain.abs(), rest, plain)
    around = (~seen.silhouette | seen.scalp).float() * (face < 0.1)
    odds = skin_odds(logs, rest, spread, sure, around, BROAD).clamp(-4, 4)
    hairy = torch.where(seen.scalp, 1.0, ROUGH_ELSEWHERE) * ((face < 0.5) & ~seen.plain)
    odds = odds - ROUGHNESS * (rough - ROUGH).clamp(0, 5) * hairy
    odds = torch.from_numpy(_blurred(odds.cpu().numpy(), SMOOTH)).to(odds)
    for part, more in ((seen.scalp, SCALP_ODDS), (seen.neck, NECK_ODDS), (seen.ears, EAR_ODDS)):
        odds = odds + part * (more - ELSEWHERE)
    return odds + ELSEWHERE


def _roughness(light: Tensor, sure: Tensor) -> Tensor:
    """How much fine detail there is [1, h, w], over that of sure skin."""
    values = light.cpu().numpy()
    fine = torch.from_numpy(_blurred(np.abs(values - _blurred(values, FINE)), FINE)).to(light)
    return fine / ((fine * sure).sum() / sure.sum().clamp_min(1e-6)).clamp_min(1e-4)


def _without_highlights(image: Tensor, logs: Tensor, rest: Tensor, above: Tensor) -> Tensor:
    """`rest` as it would be without white light on top of the skin's own colour.

    On face and scalp, where little else is so light, all that is paler than skin and of its hue counts as such.
    """
    expected = logs - rest
    top = image.mean(1) - (expected[..., 0].exp() - DARK)
    matt = colour_logs((image - top.clamp_min(0)[:, None]).clamp_min(0)) - expected
    own, hue = logs[..., 1:], expected[..., 1:]
    share = (own * hue).sum(-1, keepdim=True) / hue.square().sum(-1, keepdim=True).clamp_min(1e-6)
    pale = torch.cat([torch.zeros_like(share), own - share.clamp(0, 1) * hue], -1)
    matt = torch.where(above[..., None], pale, matt)
    return torch.where((top > 0)[..., None], matt, rest)


def _near(seen: _Seen) -> Tensor:
    """[1, 1, h, w], 1 on the fitted head and falling to 0 a little outside."""
    away = torch.from_numpy(ndimage.distance_transform_edt(~seen.silhouette[0].cpu().numpy()))
    reach = BEYOND * max(away.shape)
    return ((reach - away) / (0.4 * reach)).clamp(0, 1)[None, None]


def _skin(image: Tensor, seen: _Seen, face: Tensor, person: Tensor, odds: Tensor) -> Tensor:
    """[1, 1, h, w] 1 or 0: what has the colour of skin and hangs together with the face."""
    near, human = (_near(seen)[:, 0] > 0).cpu(), (person > PERSON).cpu()
    sure, likely = (face > 0.5).cpu(), (odds > 0).cpu()
    where, sure = ((likely & human & near) | sure)[0].numpy(), sure[0].numpy()
    skin = ndimage.binary_propagation(sure, mask=ndimage.binary_opening(where) | sure)
    skin |= (seen.inside & seen.silhouette)[0].cpu().numpy()
    skin = ndimage.binary_closing(np.pad(skin, 4), iterations=2)[4:-4, 4:-4] & near[0].numpy()
    holes, count = ndimage.label(~skin)
    sizes = ndimage.sum_labels(np.ones_like(holes), holes, np.arange(count + 1))
    light = image.mean(1)[0].cpu().numpy()
    shiny = ndimage.mean(light, holes, np.arange(count + 1)) > light[sure].mean() if sure.any() else sizes < 0
    small = sizes < np.where(shiny, SHINY_HOLE, HOLE) * holes.size
    small[0] = False
    return torch.from_numpy(skin | (small[holes] & near[0].numpy())).float()[None, None].to(odds)


def _blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    return ndimage.gaussian_filter(image, (0, sigma, sigma))
