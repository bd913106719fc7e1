"""Images of a tab: its faces, rendered from where the browser's camera stands."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from clipface.render.camera import compose, perspective, project
from clipface.view.engine import Engine, Surface
from clipface.view.screen.backdrop import backdrop
from clipface.view.screen.frame import Frame
from clipface.view.session.state import FaceState, ViewSettings

if TYPE_CHECKING:
    import viser

BAND_PIXELS = 2**20  # rendered at once: bounds the memory, and how long another tab waits
FLAT_SHARE = 0.9  # of the image's shorter side, for a texture map
NEAR = 0.02  # metres; a head that reaches nearer may fill the whole image


class BrowserCamera(NamedTuple):
    """Where a tab looks from."""

    position: tuple[float, ...]  # metres, head frame
    target: tuple[float, ...]  # metres, head frame
    up: tuple[float, ...]
    fov: float  # over the image's height, radians
    size: tuple[int, int]  # of the canvas: height and width, device pixels

    @classmethod
    def of(cls, camera: "viser.CameraHandle") -> "BrowserCamera":
        """Read viser's camera; its image size is the canvas's, in device pixels."""
        vectors = (tuple(map(float, vector)) for vector in (camera.position, camera.look_at, camera.up_direction))
        return cls(*vectors, float(camera.fov), (int(camera.image_height), int(camera.image_width)))

    def turned(self, degrees: float) -> "BrowserCamera":
        """The same camera, moved about the target's vertical: the head seems to turn to the image's right."""
        angle = np.radians(-degrees)
        x, y, z = np.subtract(self.position, self.target)
        moved = x * np.cos(angle) + z * np.sin(angle), y, z * np.cos(angle) - x * np.sin(angle)
        return self._replace(position=tuple(float(value) for value in np.add(moved, self.target)))

    def matrix(self, aspect: float) -> Tensor:
        """The renderer's camera [1, 4, 4] for an image of width / height `aspect`."""
        target = np.array(self.target)
        back = np.array(self.position) - target
        distance = np.linalg.norm(back)
        back = back / distance
        right = np.cross(self.up, back)
        right = right / np.linalg.norm(right)
        axes = torch.tensor(np.stack([right, np.cross(back, right), back])[None], dtype=torch.float32)
        lens = torch.tensor([float(distance)]), torch.tensor([float(np.degrees(self.fov))])
        return perspective(axes, *lens, aspect, near=NEAR, centre=self.target)


class Window(NamedTuple):
    """A part of an image, pixels: rows from `top` up to `bottom`, columns from `left` up to `right`."""

    top: int
    bottom: int
    left: int
    right: int


def shown_faces(state: FaceState, settings: ViewSettings) -> tuple[tuple[FaceState, ...], ...]:
    """The faces of a view: rows from the top, each from left to right.

    One face is compared beside itself, several above themselves.
    """
    after = (state, *(replace(state, person=who, seed=seed) for who, seed in settings.others))
    before = tuple(face.unedited() for face in after)
    if settings.comparison == "side by side":
        return (before, after) if settings.others else ((*before, *after),)
    return (before if settings.comparison == "before" else after,)


def shown_surfaces(
    engine: Engine, state: FaceState, settings: ViewSettings, frame: Frame | None = None
) -> list[list[Surface]]:
    """What `render_view` needs for `shown_faces`; arguments and errors as of `Engine.surface`."""
    return [[engine.surface(face, settings, frame) for face in row] for row in shown_faces(state, settings)]


def render_view(
    engine: Engine,
    rows: Sequence[Sequence[Surface]],
    camera: BrowserCamera,
    size: tuple[int, int],
    supersample: int,
    still_wanted: Callable[[], bool] = lambda: True,
) -> np.ndarray | None:
    """Render faces beside and below each other, each in an equal part of the image and from the same camera.

    Args:
        engine: renders.
        rows: from the top, each from left to right.
        camera: of each part; its own size is not used.
        size: height and width of the image, pixels.
        supersample: render this many times larger and average.
        still_wanted: asked between bands of rows whether the image is still of use.

    Returns:
        [H, W, 3] uint8; None: no longer wanted.
    """
    image = np.empty((*size, 3), np.uint8)
    for surface, shown in _places(rows, image):
        height, width = shown.shape[:2]
        matrix = camera.matrix(width / height).to(surface.vertices)
        behind = backdrop(surface.backdrop, (height, width), matrix, surface.vertices)
        shown[:] = to_pixels(behind)
        if surface.flat:
            _lay_flat(shown, surface)
            continue
        for window, pixels in _head_parts(engine, surface, matrix, behind, supersample, still_wanted):
            if pixels is None:
                return None
            shown[window.top : window.bottom, window.left : window.right] = pixels
    return image


def cut_out(
    engine: Engine, rows: Sequence[Sequence[Surface]], camera: BrowserCamera, size: tuple[int, int], supersample: int
) -> np.ndarray:
    """Render faces as `render_view` lays them, with nothing behind them.

    Returns:
        [H, W, 4] uint8, colours not multiplied by the last.
    """
    image = np.empty((*size, 4), np.uint8)
    for surface, shown in _places(rows, image):
        if surface.flat:
            shown[:] = 255
            _lay_flat(shown[..., :3], surface)
            continue
        height, width = shown.shape[:2]
        matrix = camera.matrix(width / height).to(surface.vertices)
        rendered = engine.render(surface, matrix, (height, width), supersample, 0.0)
        colour = (rendered.image / rendered.mask.clamp_min(1e-6)).clamp(0, 1)
        shown[:] = to_pixels(torch.cat([colour, rendered.mask.clamp(0, 1)], 1))
    return image


def _places(rows: Sequence[Sequence[Surface]], image: np.ndarray) -> Iterator[tuple[Surface, np.ndarray]]:
    """Each surface with its part of an image; no part is empty."""
    for row, band in zip(rows, np.array_split(image, len(rows)), strict=True):
        for surface, part in zip(row, np.array_split(band, len(row), axis=1), strict=True):
            if part.size:
                yield surface, part


def to_pixels(image: Tensor) -> np.ndarray:
    """An image [1, C, H, W] in 0..1 as [H, W, C] uint8."""
    return (image[0] * 255).round().byte().permute(1, 2, 0).cpu().numpy()


def _head_parts(
    engine: Engine,
    surface: Surface,
    matrix: Tensor,
    behind: Tensor,
    supersample: int,
    still_wanted: Callable[[], bool],
) -> Iterator[tuple[Window, np.ndarray | None]]:
    """The part of an image that a head may cover, band by band; None: no longer wanted."""
    size = tuple(behind.shape[2:])
    if surface.texture is None:  # geometry is shaded by what lies around a pixel: in one piece
        bands, margin = [Window(0, size[0], 0, size[1])], 0
    else:  # a row more on each side, else silhouettes on the border between two bands would not be blended
        bands, margin = _bands(head_window(surface.vertices, matrix, size), supersample), 1
    for band in bands:
        if not still_wanted():
            yield band, None
            return
        rows = band._replace(top=band.top - margin, bottom=band.bottom + margin)
        shown = behind[:, :, band.top : band.bottom, band.left : band.right]
        shown = functional.pad(shown, (0, 0, margin, margin), mode="replicate")
        rendered = engine.render(surface, window_camera(matrix, size, rows), _size(rows), supersample, shown).image
        pixels = to_pixels(rendered)
        yield band, pixels[margin : len(pixels) - margin]


def _lay_flat(image: np.ndarray, surface: Surface) -> None:
    """Put a texture into the middle of an image [H, W, 3]."""
    height, width = image.shape[:2]
    side = max(round(FLAT_SHARE * min(height, width)), 1)
    texture = Image.fromarray(to_pixels(surface.texture)).resize((side, side), Image.Resampling.LANCZOS)
    top, left = (height - side) // 2, (width - side) // 2
    image[top : top + side, left : left + side] = np.asarray(texture)


def head_window(vertices: Tensor, camera: Tensor, size: tuple[int, int]) -> Window:
    """The part of an image that a head may cover.

    Args:
        vertices: [1, V, 3], metres.
        camera: [1, 4, 4].
        size: height and width of the image, pixels.
    """
    height, width = size
    clip = project(vertices, camera)[0]
    if clip[:, 3].min() <= NEAR:
        return Window(0, height, 0, width)
    at = (clip[:, :2] / clip[:, 3:] + 1) / 2 * clip.new_tensor([width, height])
    (left, top), (right, bottom) = at.amin(0).tolist(), at.amax(0).tolist()
    # One pixel around it for the blended silhouette.
    rows = [min(max(int(edge), 0), height) for edge in (top - 1, bottom + 2)]
    columns = [min(max(int(edge), 0), width) for edge in (left - 1, right + 2)]
    return Window(*rows, *columns)


def window_camera(camera: Tensor, size: tuple[int, int], window: Window) -> Tensor:
    """The camera [1, 4, 4] that renders a window, which may reach beyond it, of an image of `size` pixels."""
    (height, width), (rows, columns) = size, _size(window)
    crop = torch.eye(4, dtype=camera.dtype, device=camera.device)
    crop[0, 0], crop[0, 3] = width / columns, (width - window.left - window.right) / columns
    crop[1, 1], crop[1, 3] = height / rows, (height - window.top - window.bottom) / rows
    return compose(crop[None], camera)


def _size(window: Window) -> tuple[int, int]:
    return window.bottom - window.top, window.right - window.left


def _bands(window: Window, supersample: int) -> Iterator[Window]:
    columns = window.right - window.left
    if columns <= 0:
        return
    rows = max(BAND_PIXELS // (columns * supersample**2), 1)
    for top in range(window.top, window.bottom, rows):
        yield window._replace(top=top, bottom=min(top + rows, window.bottom))
