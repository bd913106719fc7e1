"""A contact sheet of a head: mean, people, expressions, poses, UV map and landmarks."""

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torchvision.transforms.functional import to_tensor

from clipface.assets import resolve
from clipface.evaluation.grid import labelled_row, to_image
from clipface.head import HeadModel
from clipface.head.expressions import expression_of
from clipface.head.open_head import read_open_head
from clipface.render.camera import project, view
from clipface.render.renderer import Renderer

COLUMNS, CELL = 6, 224
TEXTURE = 512
CLOSE = 1.25  # scale of views that show the face alone
PAINT = {  # later regions lie over earlier ones
    "face": (228, 190, 165), "scalp": (196, 158, 136), "neck": (214, 175, 151), "lips": (196, 96, 92),
    "brows": (120, 86, 66), "mouth_interior": (120, 44, 44), "tongue": (206, 106, 106), "teeth": (244, 240, 228),
    "right_eyeball": (250, 248, 244), "left_eyeball": (250, 248, 244), "iris": (74, 104, 138),
}  # fmt: skip
SLOTS = (
    "jawOpen", "mouthFunnel", "mouthPucker", "mouthSmileLeft", "eyeBlinkLeft", "eyeBlink", "cheekPuff", "mouthStretch",
)  # fmt: skip
EXPRESSIONS: tuple[tuple[str, dict[str, float]], ...] = (
    ("smile", {"mouthSmile": 0.8, "cheekSquint": 0.5}),
    ("laugh", {"mouthSmile": 0.8, "jawOpen": 0.4, "mouthUpperUp": 0.5, "cheekSquint": 0.6, "eyeSquint": 0.5}),
    ("sad", {"mouthFrown": 0.9, "browInnerUp": 0.9}),
    ("angry", {"browDown": 1.0, "eyeSquint": 0.6, "noseSneer": 0.6, "mouthPress": 0.6}),
    ("surprised", {"browInnerUp": 0.9, "browOuterUp": 0.9, "eyeWide": 1.0, "jawOpen": 0.6}),
    ("disgusted", {"noseSneer": 1.0, "mouthUpperUp": 0.7, "browDown": 0.5}),
    *((slot, {slot: 1.0}) for slot in SLOTS),
    ("tongueOut", {"tongueOut": 1.0, "jawOpen": 0.8}),
    ("mouthRoll", {"mouthRollLower": 1.0, "mouthRollUpper": 1.0}),
    ("jawLeft", {"jawLeft": 1.0}),
    ("show teeth", {"mouthUpperUp": 1.0, "mouthLowerDown": 1.0, "mouthStretch": 0.6}),
)
POSES: tuple[tuple[str, float, dict[str, tuple[float, ...]]], ...] = (
    ("jaw 0.4", 30.0, {"pose": (0, 0, 0, 0.4, 0, 0)}),
    ("jaw sideways", 0.0, {"pose": (0, 0, 0, 0.1, 0.12, 0)}),
    ("gaze up", 0.0, {"eye_pose": (-0.25, 0, 0, -0.25, 0, 0)}),
    ("gaze down", 0.0, {"eye_pose": (0.3, 0, 0, 0.3, 0, 0)}),
    ("gaze aside", 0.0, {"eye_pose": (0, 0.35, 0, 0, 0.35, 0)}),
    ("neck", 0.0, {"neck_pose": (0.1, 0.3, 0.25)}),
)


def head_sheet(head: HeadModel) -> Image.Image:
    """Render the sheet.

    Args:
        head: with texture coordinates, landmarks and ARKit's expression slots.
    """
    cells = _Cells(head).all()
    rows = [cells[start : start + COLUMNS] for start in range(0, len(cells), COLUMNS)]
    return to_image(torch.cat([labelled_row([i for _, i in row], [t for t, _ in row]) for row in rows], 1))


def paint_regions(head: HeadModel) -> Tensor:
    """A plain texture `[1, 3, R, R]` in 0..1: every region in its colour."""
    image = Image.new("RGB", (2 * TEXTURE, 2 * TEXTURE), PAINT["neck"])
    draw = ImageDraw.Draw(image)
    corners = (head.uv[head.uv_faces.long()] * torch.tensor([1.0, -1.0]) + torch.tensor([0.0, 1.0])) * 2 * TEXTURE
    faces = head.faces.long()
    for name, colour in PAINT.items():
        inside = head.regions[name][faces].all(1)
        for triangle in corners[inside].tolist():
            draw.polygon([tuple(corner) for corner in triangle], fill=colour, outline=colour, width=5)
    small = image.resize((TEXTURE, TEXTURE), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(small)).permute(2, 0, 1)[None].float() / 255


class _Cells:
    """Renders heads, textured and shaded, one cell each: a title and an image [3, S, S] in 0..1."""

    def __init__(self, head: HeadModel) -> None:
        self.head, self.texture = head, paint_regions(head)
        self.renderer = Renderer(head.faces, head.uv, head.uv_faces)

    def all(self) -> list[tuple[str, Tensor]]:
        """All cells, row by row."""
        head, generator = self.head, torch.Generator().manual_seed(4)
        mean = head()
        open_mouth = head(expression=expression_of(head, {"jawOpen": 0.5, "mouthSmile": 0.3}))
        cells = [("mean", self.image(mean)), ("45 degrees", self.image(mean, 45.0)), ("side", self.image(mean, 90.0)),
                 ("landmarks", self.landmarks(mean)), ("mouth open", self.landmarks(open_mouth)),
                 ("UV map", self.uv_map())]  # fmt: skip
        for number in range(2 * COLUMNS):
            person = head(shape=torch.randn(1, 300, generator=generator))
            cells.append((f"person {number + 1}", self.image(person, (-30.0, 0.0, 30.0)[number % 3])))
        for name, strengths in EXPRESSIONS:
            cells.append((name, self.image(head(expression=expression_of(head, strengths)), 0.0, CLOSE)))
        for name, yaw, pose in POSES:
            given = {key: torch.tensor([value], dtype=torch.float32) for key, value in pose.items()}
            cells.append((name, self.image(head(**given), yaw, CLOSE)))
        return cells

    def image(self, vertices: Tensor, yaw: float = 0.0, scale: float = 1.0) -> Tensor:
        """Colours times the clay view's light."""
        camera = view(torch.tensor([yaw]), torch.zeros(1), scale)
        colour = self.renderer(vertices, self.texture, camera, CELL).image
        light = self.renderer(vertices, None, camera, CELL, background=1.0).image
        return (colour * (light / 0.75).clamp(max=1.15)).clamp(0, 1)[0]

    def uv_map(self) -> Tensor:
        """The UV map: region colours, a checker over them, and the landmarks."""
        canvas = self.texture[0].clone()
        row, column = np.indices(canvas.shape[1:]) // 16
        canvas[:, torch.from_numpy((row + column) % 2 == 0)] *= 0.8
        data = read_open_head(resolve("open_head"))
        corners = data.uv[data.uv_faces[data.landmark_faces]]
        points = torch.from_numpy((corners * data.landmark_barycentric[:, :, None]).sum(axis=1))
        return _dotted(canvas, torch.stack([points[:, 0], 1 - points[:, 1]], 1) * TEXTURE, 3.0, CELL)

    def landmarks(self, vertices: Tensor, scale: float = 1.5) -> Tensor:
        """A front view with the 68 landmarks."""
        clip = project(self.head.landmarks(vertices), view(torch.zeros(1), torch.zeros(1), scale))[0]
        return _dotted(self.image(vertices, scale=scale), (clip[:, :2] / clip[:, 3:] + 1) / 2 * CELL, 1.5, CELL)


def _dotted(image: Tensor, points: Tensor, radius: float, size: int) -> Tensor:
    """An image with dots at points [N, 2], pixels, brought to another size."""
    dotted = to_image(image)
    draw = ImageDraw.Draw(dotted)
    for x, y in points.tolist():
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(30, 60, 200))
    return to_tensor(dotted.resize((size, size), Image.Resampling.LANCZOS) if dotted.width != size else dotted)
