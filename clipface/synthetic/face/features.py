"""Where the parts of a face are: soft maps over the UV square, laid out from landmarks and regions of the rest head.

Every map is a [1, 1, R, R] tensor, usually 0..1. Lengths are millimetres on a head with eyes 62 mm apart, and scale
with it.
"""

import torch
from torch import Tensor

from clipface.synthetic.face.curves import bump, inside, spline, step, to_curve
from clipface.synthetic.face.iris import axis_angles
from clipface.synthetic.surface import Surface

_EYE_DISTANCE = 62.0  # the head on which the lengths below were chosen
RIGHT_BROW, LEFT_BROW = slice(17, 22), slice(22, 27)  # image-left and image-right
RIGHT_EYE, LEFT_EYE = slice(36, 42), slice(42, 48)
OUTER_LIPS, INNER_LIPS = slice(48, 60), slice(60, 68)


class Features:
    """Maps of the face's parts, see above; `sides` is -1 on the image's left half and 1 on the right."""

    def __init__(self, surface: Surface) -> None:
        self.surface = surface
        eyes = surface.landmarks[[36, 39, 42, 45]]
        distance = float((eyes[:2].mean(0) - eyes[2:].mean(0)).norm())
        self.scale = distance / _EYE_DISTANCE
        self.position = surface.position / self.scale
        self.landmarks = surface.landmarks / self.scale
        self.sides = torch.sign(self.position[..., 0])[None, None]
        self._regions()
        self._eyes()
        self._brows()
        self._mouth()
        self._nose_and_cheeks()
        self._hair()

    def _map(self, value: Tensor) -> Tensor:
        return value.reshape(1, 1, *self.position.shape[:2])

    def blob(self, x: float | Tensor, y: float | Tensor, wide: float, high: float, mirrored: bool = False) -> Tensor:
        """Soft spot on the front of the face, centred at (x, y) of the frontal view; mirrored adds one at -x."""
        px, py = self.position[..., 0], self.position[..., 1]
        px = px.abs() if mirrored else px
        spot = torch.exp(-0.5 * (((px - x) / wide) ** 2 + ((py - y) / high) ** 2))
        return self._map(spot) * self.front

    def mirrored_curve(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Distance to, place along (0..1) and height above a curve through points [K, 2] of the frontal view.

        Taken on |x|: one curve given on the image's right half serves both.
        """
        folded = torch.stack([self.position[..., 0].abs(), self.position[..., 1]], dim=-1)
        distance, place, offset = to_curve(folded, spline(points, 96))
        return self._map(distance), self._map(place), self._map(offset[..., 1])

    def symmetric(self, right: slice | list[int], left: slice | list[int]) -> Tensor:
        """Landmarks of both halves averaged onto the image's right half, in the order of `left`."""
        other = self.landmarks[right].flip(0) * torch.tensor([-1.0, 1.0, 1.0], device=self.landmarks.device)
        return (self.landmarks[left] + other) / 2

    def _regions(self) -> None:
        masks = self.surface.masks
        nothing = torch.zeros_like(self.surface.ambient)
        self.eyeball = (masks["right_eyeball"] + masks["left_eyeball"]).clamp(0, 1)
        self.teeth, self.tongue = masks.get("teeth", nothing), masks.get("tongue", nothing)
        self.interior = torch.maximum(masks.get("mouth_interior", nothing), torch.maximum(self.teeth, self.tongue))
        self.gums = self.interior * (1 - self.teeth) * (1 - self.tongue)
        self.skin = (1 - self.eyeball - self.interior).clamp(0, 1)
        self.front = step(-0.1, 0.35, self._map(self.surface.normal[..., 2])) * self.skin
        self.ears = (masks["right_ear"] + masks["left_ear"]).clamp(0, 1)
        self.neck, self.face = masks["neck"], masks["face"]

    def _eyes(self) -> None:
        mirror = self.landmarks.new_tensor([-1.0, 1.0, 1.0])
        outline = (self.landmarks[LEFT_EYE] + self.landmarks[[39, 38, 37, 36, 41, 40]] * mirror) / 2
        self.eye_outline = outline[:, :2]  # inner corner, upper 2, outer corner, lower 2 (image's right eye)
        self.eye_middle = self.eye_outline.mean(0)
        upper, lower = outline[:4, :2], outline[[0, 5, 4, 3], :2]
        # seen from the front: the landmarks lie on the lids' inner edge, millimetres behind the edge that one sees
        elsewhere = self._map(50.0 * (self.position[..., 2] < outline[:, 2].min() - 10))
        self.upper_lid, self.upper_lid_along, self.above_eye = self.mirrored_curve(upper)
        self.lower_lid, self.lower_lid_along, over = self.mirrored_curve(lower)
        self.upper_lid, self.lower_lid = self.upper_lid + elsewhere, self.lower_lid + elsewhere
        self.above_eye, self.below_eye = self.above_eye - elsewhere, -over - elsewhere
        ball = self.surface.eye_centres / self.scale
        sides = (self.position[..., 0] > 0).long()
        ray = self.position - ball[sides]
        ray = ray / ray.norm(dim=-1, keepdim=True).clamp_min(1e-3)
        self.iris_angle, self.iris_turn = (self._map(value) for value in axis_angles(ray))
        self.eye_ray = ray

    def _brows(self) -> None:
        brow = self.symmetric(RIGHT_BROW, LEFT_BROW)
        self.brow_points = brow[:, :2]  # inner to outer end, image's right
        self.brow_distance, self.brow_along, self.brow_height = self.mirrored_curve(self.brow_points)

    def _mouth(self) -> None:
        self.corner = (
            self.landmarks[54, :2] + self.landmarks[48, :2] * torch.tensor([-1.0, 1.0], device=self.landmarks.device)
        ) / 2
        outer, inner = spline(self.landmarks[OUTER_LIPS], 160, True), spline(self.landmarks[INNER_LIPS], 160, True)
        flat = self.position[..., :2]
        distance = to_curve(self.position, outer)[0]
        within = inside(flat, outer[:, :2]) & (self.position[..., 2] > self.landmarks[54, 2] - 15)
        self.lip_edge = self._map(torch.where(within, distance, -distance))  # positive inside the lips
        self.mouth_line = self._map(to_curve(self.position, inner)[0])
        self.mouth_middle = self.landmarks[INNER_LIPS, :2].mean(0)
        self.upper_lip = self._map(step(-1, 1, self.position[..., 1] - self._mouth_height()))

    def _mouth_height(self) -> Tensor:
        """Height of the closed mouth's line at each texel's x."""
        line = (self.landmarks[[60, 61, 62, 63, 64], :2] + self.landmarks[[60, 67, 66, 65, 64], :2]) / 2
        curve = spline(line, 64)
        place = to_curve(self.position[..., :1], curve[:, :1])[1]
        return curve[(place * (len(curve) - 1)).round().long(), 1]

    def _nose_and_cheeks(self) -> None:
        marks, away = self.landmarks, self.landmarks.new_tensor
        x, y, z = self.position.unbind(-1)
        self.nose_tip, self.nose_base = marks[30], marks[33]
        self.wing = (marks[35, :2] + marks[31, :2] * away([-1.0, 1.0])) / 2 + away([2.0, 3.0])
        self.cheek = torch.stack([self.eye_middle[0] + 9, self.nose_base[1] + 8])
        below = (
            self.surface.covered & (x.abs() < 4) & (y < self.mouth_middle[1] - 18) & (y > self.mouth_middle[1] - 48)
        ).flatten()
        line = self.position.reshape(-1, 3)[below] if below.any() else marks[8:9]
        self.chin = line[line[:, 2].argmax()] * away([0.0, 1.0, 1.0])  # the foremost point of the chin
        wing_line = torch.stack(
            [self.wing + away([-1.0, 7.0]), self.wing + away([2.5, 2.0]), self.wing + away([0.5, -4.0])]
        )
        self.wing_crease = self.mirrored_curve(wing_line)[0]
        fold = [
            self.wing + away([2.5, 5.0]),
            self.wing + away([8.0, -4.0]),
            self.corner + away([8.0, 7.0]),
            self.corner + away([8.0, -6.0]),
        ]
        folded = torch.stack([x.abs(), y], dim=-1)
        distance, along, offset = to_curve(folded, spline(torch.stack(fold), 96))
        self.nasolabial_distance, along = self._map(distance), self._map(along)
        self.nasolabial_height = self._map(-offset[..., 0] * 0.8 - offset[..., 1] * 0.6)
        self.nasolabial_fade = step(0.0, 0.2, along) * step(1.0, 0.6, along) * self.front
        corner = [self.corner + away([2.0, -3.0]), self.corner + away([4.0, -13.0]), self.corner + away([3.0, -24.0])]
        distance, along, _ = self.mirrored_curve(torch.stack(corner))
        self.marionette_distance = distance + 6 * step(0.6, 1.0, along)
        hole = ((x.abs() - self.wing[0] + 8.0) / 3.9) ** 2 + ((y - self.nose_base[1] - 0.8) / 2.6) ** 2
        down = step(0.25, -0.25, self.surface.normal[..., 1])
        self.nostril = self._map(torch.exp(-0.5 * hole**2) * down * (z > self.landmarks[31, 2] - 14)) * self.skin

    def _hair(self) -> None:
        x, y, z = self.position.unbind(-1)
        ear = self.surface.ear_centre / self.scale
        self.brow_top = self.brow_points[:, 1].max()
        # the hairline: over the forehead, then down in front of the ears, and along the nape
        forehead = y - (self.brow_top + 43 - 0.009 * x**2)
        temple = (y - ear[1] + 4) + (ear[2] + 20 - z).clamp_max(30) * 1.0
        nape = (ear[2] - 8 - z) + (y - ear[1] + 28).clamp_max(0) * 1.2
        line = torch.maximum(torch.minimum(forehead + (60 - z).clamp_min(0) * 0.5, temple), nape)
        self.above_hairline = self._map(line)
        self.temples = self._map(torch.exp(-0.5 * (((x.abs() - 42) / 13) ** 2 + ((y - self.brow_top - 42) / 16) ** 2)))
        # the beard: below a line from the sideburn to the mouth's corner, above the throat, leaving the lips
        front_line = self.corner[1] - 1 + 0.10 * (x.abs() - self.corner[0]).clamp_min(0)
        cheek_line = torch.lerp(front_line, ear[1] - 2 + 0 * y, step(self.landmarks[54, 2] - 12, ear[2] + 14, z))
        under = step(-20, 2, y - self.chin[1] + 26 - (z - self.chin[2] + 20).clamp_max(0) * -0.3)
        sides = step(ear[2] + 2, ear[2] + 12, z)
        lips = step(0.5, -1.2, self.lip_edge)
        self.beard = self._map(step(7, -7, y - cheek_line) * under * sides) * lips * (1 - self.ears) * self.skin
        lower = self.corner[1] - 4 - 0.5 * (x.abs() - self.corner[0]).clamp_min(0)
        between = step(self.nose_base[1] - 0.5, self.nose_base[1] - 5 - 0.12 * x.abs(), y) * step(
            lower - 3, lower + 2, y
        )
        reach = step(self.corner[0] + 7, self.corner[0] - 1, x.abs())
        self.moustache = self._map(reach * between) * lips * self.front * step(-26, -18, self.lip_edge)
        chin = step(self.corner[0] + 1, self.corner[0] - 9, x.abs() - 0.1 * (self.corner[1] - y)) * step(
            self.corner[1] - 6, self.corner[1] - 12, y
        )
        around = bump((x.abs() - self.corner[0] - 1.5) / 4.5, 1.0) * step(self.corner[1] + 5, self.corner[1], y)
        self.goatee = (
            self._map(torch.maximum(chin, around * step(self.chin[1] - 8, self.chin[1] + 6, y))) * lips * self.skin
        )
        self.goatee = self.goatee * self._map(under * step(self.landmarks[54, 2] - 45, self.landmarks[54, 2] - 30, z))
        patch = bump((x.abs() - self.corner[0] * 0.55) / 6, 1.0) * bump(y - self.corner[1] + 13, 3)
        self.beard, self.goatee = self.beard * (1 - 0.5 * self._map(patch)), self.goatee * (1 - 0.6 * self._map(patch))
