"""Cameras: 4 x 4 matrices from the head frame to clip space.

Head frame: metres, y up, z towards the viewer, x to the image's right. Clip space: x to the right, **y down the
image**, a smaller z is nearer, all three within [-w, w]. Everything is differentiable.
"""

import torch
from torch import Tensor

from clipface.shapes import expect

# Orthographic depth is squeezed by this factor, so that a head never leaves the depth range; only its order matters.
DEPTH_SQUEEZE = 0.1
# The standard framing: this point of the head frame is the image's centre, and this half width (metres) its border.
FRAME_CENTRE = (0.0, 0.008, -0.02)
FRAME_HALF_WIDTH = 0.147
LENS_DISTANCES = (0.4, 1.2)  # metres, of portraits: from an outstretched arm to a photographer
DECA_CROP_SIZE = 224  # pixels; Feng et al., DECA (SIGGRAPH 2021)


def orthographic(scale: Tensor, translation: Tensor, crop: Tensor | None = None) -> Tensor:
    """Orthographic camera with DECA's parameters: x = s (x + tx), y = -s (y + ty), nearer is smaller.

    Args:
        scale: s [B], 1 / metre.
        translation: (tx, ty) [B, 2], metres, before scaling.
        crop: [B, 3, 3] or None; maps the crop's coordinates in [-1, 1] to those of the rendered image (see
            `crop_to_image`). None renders the crop itself.

    Returns:
        Camera [B, 4, 4].

    Source: the projection of DECA (Feng et al. 2021, section 4).
    """
    batch = expect("scale", scale, ("B",))["B"]
    expect("translation", translation, (batch, 2))
    camera = torch.zeros(batch, 4, 4, dtype=scale.dtype, device=scale.device)
    camera[:, 0, 0] = scale
    camera[:, 1, 1] = -scale
    camera[:, 2, 2] = -scale * DEPTH_SQUEEZE
    camera[:, 0, 3] = scale * translation[:, 0]
    camera[:, 1, 3] = -scale * translation[:, 1]
    camera[:, 3, 3] = 1.0
    if crop is None:
        return camera
    expect("crop", crop, (batch, 3, 3))
    planar = torch.eye(4, dtype=scale.dtype, device=scale.device).repeat(batch, 1, 1)
    planar[:, :2, :2] = crop[:, :2, :2]
    planar[:, :2, 3] = crop[:, :2, 2]
    return compose(planar, camera)


def crop_to_image(tform: Tensor, size: tuple[int, int], crop_size: int = DECA_CROP_SIZE) -> Tensor:
    """Turn DECA's `tform` into the `crop` that renders a head where it is in the full photograph.

    Args:
        tform: [B, 3, 3], an affine map from the photograph's pixels to the crop's.
        size: height and width of the photograph in pixels.
        crop_size: side of the square crop in pixels.

    Returns:
        [B, 3, 3], a map from the crop's [-1, 1] to the photograph's [-1, 1]. Its inverse goes the other way.
    """
    expect("tform", tform, ("B", 3, 3))
    half = crop_size / 2
    height, width = size
    to_pixels = tform.new_tensor([[half, 0, half], [0, half, half], [0, 0, 1]])
    from_pixels = tform.new_tensor([[2 / width, 0, -1], [0, 2 / height, -1], [0, 0, 1]])
    return compose(compose(from_pixels, torch.linalg.inv(tform)), to_pixels)


def rotation(yaw: Tensor, pitch: Tensor) -> Tensor:
    """Turn the head: yaw > 0 towards the image's right, then pitch > 0 upwards.

    Args:
        yaw, pitch: [B], degrees.

    Returns:
        [B, 3, 3].
    """
    batch = expect("yaw", yaw, ("B",))["B"]
    expect("pitch", pitch, (batch,))
    a, b = torch.deg2rad(yaw), torch.deg2rad(pitch)
    zero, one = torch.zeros_like(a), torch.ones_like(a)
    about_y = torch.stack([a.cos(), zero, a.sin(), zero, one, zero, -a.sin(), zero, a.cos()], 1).view(-1, 3, 3)
    about_x = torch.stack([one, zero, zero, zero, b.cos(), b.sin(), zero, -b.sin(), b.cos()], 1).view(-1, 3, 3)
    return compose(about_x, about_y)


def perspective(
    turn: Tensor,
    distance: Tensor,
    field_of_view: Tensor,
    aspect: float = 1.0,
    near: float = 0.02,
    far: float = 10.0,
    centre: tuple[float, float, float] = FRAME_CENTRE,
) -> Tensor:
    """Perspective camera that looks at `centre` from the front of the turned head.

    Args:
        turn: [B, 3, 3], how the head is turned (see `rotation`).
        distance: [B], metres from the camera to `centre`.
        field_of_view: [B], degrees, over the image's height.
        aspect: width / height of the image.
        near, far: depth range in metres before the camera; what lies outside is not rendered.
        centre: the point looked at, head frame, metres.

    Returns:
        Camera [B, 4, 4].
    """
    batch = expect("turn", turn, ("B", 3, 3))["B"]
    expect("distance", distance, (batch,))
    expect("field_of_view", field_of_view, (batch,))
    focal = 1.0 / torch.tan(torch.deg2rad(field_of_view) / 2)
    lens = torch.zeros_like(turn[:, :1, :1]).repeat(1, 4, 4)
    lens[:, 0, 0] = focal / aspect
    lens[:, 1, 1] = -focal
    lens[:, 2, 2] = -(far + near) / (far - near)
    lens[:, 2, 3] = -2 * far * near / (far - near)
    lens[:, 3, 2] = -1.0
    return compose(lens, _rigid(turn, distance, centre))


def view(yaw: Tensor, pitch: Tensor, scale: Tensor | float = 1.0, shift: Tensor | None = None) -> Tensor:
    """The project's standard camera: orthographic, the mean head fills the image, its face in the middle.

    Args:
        yaw, pitch: [B], degrees (see `rotation`).
        scale: 1 fills the image with the head, larger comes closer; a number or [B].
        shift: [B, 2], how far the head moves to the right and down, in half images.

    Returns:
        Camera [B, 4, 4] for a square image.
    """
    turn = rotation(yaw, pitch)
    zoom = torch.as_tensor(scale, dtype=yaw.dtype, device=yaw.device).expand(yaw.shape) / FRAME_HALF_WIDTH
    placed = _rigid(turn, torch.zeros_like(yaw), FRAME_CENTRE)
    camera = compose(orthographic(zoom, torch.zeros_like(turn[:, 0, :2])), placed)
    if shift is not None:
        camera[:, :2, 3] = camera[:, :2, 3] + shift
    return camera


def random_views(
    n: int,
    generator: torch.Generator | None = None,
    max_yaw: float = 30.0,
    max_pitch: float = 15.0,
    jitter: float = 0.04,
    scale: tuple[float, float] = (1.0, 1.0),
    lens: float = 0.0,
) -> Tensor:
    """Standard cameras from random directions.

    Args:
        n: how many.
        generator: source of randomness; the cameras live on its device.
        max_yaw, max_pitch: directions are uniform up to these, degrees.
        jitter: size varies by up to this fraction, position by up to this many half images.
        scale: least and largest (see `view`); sizes between them are equally likely.
        lens: share of the views that are perspective, from 0.4 to 1.2 metres away and as large; the others are
            orthographic.

    Returns:
        Camera [n, 4, 4].
    """
    device = generator.device if generator is not None else torch.device("cpu")
    yaw, pitch, size, x, y, near = (torch.rand(6, n, generator=generator, device=device) * 2 - 1).unbind()
    size = torch.exp(size * jitter) * (scale[0] + (scale[1] - scale[0]) * (near + 1) / 2)
    yaw, pitch, shift = yaw * max_yaw, pitch * max_pitch, torch.stack([x, y], 1) * jitter
    parallel = view(yaw, pitch, size, shift)
    if lens == 0:
        return parallel
    chosen, far = torch.rand(2, n, generator=generator, device=device)
    distance = LENS_DISTANCES[0] + far * (LENS_DISTANCES[1] - LENS_DISTANCES[0])
    angle = 2 * torch.rad2deg(torch.atan(FRAME_HALF_WIDTH / (size * distance)))
    seen = perspective(rotation(yaw, pitch), distance, angle)
    seen[:, :2] = seen[:, :2] + shift[:, :, None] * seen[:, 3:]  # image coordinates are x / w
    return torch.where(chosen[:, None, None] < lens, seen, parallel)


def project(vertices: Tensor, camera: Tensor) -> Tensor:
    """Take vertices to clip space.

    Args:
        vertices: [B, V, 3], head frame, metres.
        camera: [B or 1, 4, 4].

    Returns:
        Clip positions [B, V, 4].
    """
    expect("vertices", vertices, ("B", "V", 3))
    expect("camera", camera, ("B", 4, 4))
    turn, shift = camera[:, :, :3], camera[:, None, :, 3]
    if vertices.device.type == "cpu":  # a third of the time; in float64, as `compose` does not use a float32 `@` either
        return torch.matmul(vertices.double(), turn.transpose(1, 2).double()).to(vertices) + shift
    return (vertices.unsqueeze(2) * turn.unsqueeze(1)).sum(3) + shift


def compose(a: Tensor, b: Tensor) -> Tensor:
    """The map that does b, then a: matrix product [..., n, n] in full precision.

    `@` may compute in bfloat16 or TF32, which shifts the image.
    """
    return (a.unsqueeze(-1) * b.unsqueeze(-3)).sum(-2)


def _rigid(turn: Tensor, distance: Tensor, centre: tuple[float, float, float]) -> Tensor:
    """Turn about `centre` and push the result away from the viewer; [B, 4, 4]."""
    rigid = torch.zeros_like(turn[:, :1, :1]).repeat(1, 4, 4)
    rigid[:, :3, :3] = turn
    rigid[:, :3, 3] = -(turn * turn.new_tensor(centre)).sum(-1)
    rigid[:, 2, 3] = rigid[:, 2, 3] - distance
    rigid[:, 3, 3] = 1.0
    return rigid


def viewing_axes(camera: Tensor) -> Tensor:
    """The camera's axes in the head frame: rows right, up, towards the viewer; orthonormal.

    Args:
        camera: [B, 4, 4], orthographic or perspective.

    Returns:
        [B, 3, 3].
    """
    expect("camera", camera, ("B", 4, 4))
    perspective_axis, depth_axis = camera[:, 3, :3], camera[:, 2, :3]
    has_perspective = perspective_axis.abs().sum(1, keepdim=True) > 0
    back = -torch.nn.functional.normalize(torch.where(has_perspective, perspective_axis, depth_axis), dim=1)
    right = camera[:, 0, :3]
    right = torch.nn.functional.normalize(right - (right * back).sum(1, keepdim=True) * back, dim=1)
    return torch.stack([right, torch.linalg.cross(back, right), back], 1)
