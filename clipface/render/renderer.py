"""From vertices, texture and camera to a picture: the one function of the project that draws."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from clipface.render.camera import project, viewing_axes
from clipface.render.rasterize.checks import check_batch
from clipface.render.rasterize.interface import Boundary, Fragments, Rasterizer, check_backend
from clipface.render.rasterize.interface import backend as load_backend
from clipface.render.shading import shade, vertex_normals
from clipface.shapes import expect


class Rendering(NamedTuple):
    """`image` [B, C, H, W] over the background, row 0 on top; `mask` [B, 1, H, W] in [0, 1], 1 where the head is."""

    image: Tensor
    mask: Tensor


class Renderer(nn.Module):
    """Draws a textured mesh without lights, or, without a texture, the shape as shaded clay.

    Texture tensors are exactly their picture files: row 0 is the top. The range of colours is the caller's.

    Gradient: to vertices and camera through where the texture lands and, with `antialias`, through the silhouette; to
    the texture through trilinear look-up; to the background. Silhouette gradients point the right way but are too small
    where triangles are smaller than pixels: set `supersample` where they matter.

    Args:
        faces: vertex indices [F, 3].
        uv: texture coordinates [T, 2] in [0, 1], v = 1 at the texture's top.
        uv_faces: texture coordinate indices [F, 3].
        backend: "warp" or "nvdiffrast" (see `rasterize.interface.backend`).
        boundary: what lies beyond the texture's border, "wrap" or "clamp".
    """

    def __init__(
        self, faces: Tensor, uv: Tensor, uv_faces: Tensor, backend: str = "warp", boundary: Boundary = "clamp"
    ) -> None:
        super().__init__()
        count = expect("faces", faces, ("F", 3))["F"]
        expect("uv", uv, ("T", 2))
        expect("uv_faces", uv_faces, (count, 3))
        # The kernels trust their indices, so they are checked here and against the vertices of each call.
        self._least_vertices = _checked_indices("faces", faces)
        least_uv = _checked_indices("uv_faces", uv_faces)
        if least_uv > len(uv):
            raise ValueError(f"uv_faces: indices below {len(uv)} (rows of uv) are wanted, {least_uv - 1} was given")
        check_backend(backend)
        self.backend, self.boundary = backend, boundary
        self.register_buffer("faces", faces.int().contiguous(), persistent=False)
        self.register_buffer("uv_faces", uv_faces.int().contiguous(), persistent=False)
        # Texture row 0 is the top, texture coordinates count from the bottom: flipped here, once.
        flipped = torch.stack([uv[:, 0], 1 - uv[:, 1]], 1).float().contiguous()
        self.register_buffer("uv", flipped, persistent=False)
        self._topology: tuple[torch.device, object] | None = None

    def forward(
        self,
        vertices: Tensor,
        texture: Tensor | None,
        camera: Tensor,
        size: int | tuple[int, int],
        background: float | Tensor = 1.0,
        antialias: bool = True,
        supersample: int = 1,
        light: Tensor | None = None,
    ) -> Rendering:
        """Draw.

        Args:
            vertices: [B, V, 3], head frame, metres.
            texture: [B or 1, C, Ht, Wt], or None for the clay view (C = 3, colours in [0, 1]).
            camera: [B, 4, 4] or [1, 4, 4] (see `camera`).
            size: height and width in pixels, or one number for both.
            background: a number, or [B or 1, C, 1 or H, 1 or W].
            antialias: blend silhouettes, which gives them a gradient. The mask is then soft.
            supersample: draw this many times larger and average; makes silhouettes smooth, and their gradients
                nearer to the truth.
            light: [B or 1, V, C], by how much each vertex multiplies the texture's colours, smooth in between; None
                draws the texture as it is. Gradient: to it too.

        Raises:
            TypeError, ValueError: naming the argument, what was wanted and what was given. A texture that is not finite
                is refused on the CPU; on CUDA the check would stall the queue and is left out.
        """
        height, width = (size, size) if isinstance(size, int) else size
        if supersample < 1:
            raise ValueError(f"supersample: a whole number of at least 1 is wanted, {supersample} was given")
        size = (height * supersample, width * supersample)
        with torch.autocast(vertices.device.type, enabled=False):  # positions in half precision would tear the mesh
            drawn = self._draw(vertices, texture, camera, size, antialias, light)
            if supersample > 1:
                drawn = functional.avg_pool2d(drawn, supersample)
            image, mask = drawn[:, :-1], drawn[:, -1:]
            return Rendering(image + (1 - mask) * _checked_background(background, image), mask)

    def _draw(
        self,
        vertices: Tensor,
        texture: Tensor | None,
        camera: Tensor,
        size: tuple[int, int],
        antialias: bool,
        light: Tensor | None,
    ) -> Tensor:
        """Colours on black, and last the mask: [B, C + 1, H, W]."""
        batch = expect("vertices", vertices, ("B", "V", 3))["B"]
        if vertices.shape[1] < self._least_vertices:
            wanted = f"at least {self._least_vertices} vertices are wanted by faces"
            raise ValueError(f"vertices: {wanted}, {vertices.shape[1]} were given")
        check_batch("camera", expect("camera", camera, ("B", 4, 4))["B"], batch)
        clip = project(vertices.float(), camera.float())
        rasterizer = load_backend(self.backend)
        fragments = rasterizer.rasterize(clip, self.faces, size, derivatives=texture is not None)
        mask = (fragments.rast[..., 3:] > 0).float()
        if texture is None:
            colour = self._clay(vertices, fragments, camera, mask)
        else:
            colour = self._textured(_checked(texture, vertices), fragments)
            if light is not None:
                colour = colour * self._lit(_checked_light(light, vertices, texture), fragments)
        drawn = torch.cat([colour, mask], -1)
        if antialias:
            drawn = rasterizer.antialias(drawn, fragments, clip, self.faces, self._edges(rasterizer))
        return drawn.permute(0, 3, 1, 2)

    def _textured(self, texture: Tensor, fragments: Fragments) -> Tensor:
        rasterizer = load_backend(self.backend)
        uv, slopes = rasterizer.interpolate(self.uv.float().unsqueeze(0), fragments, self.uv_faces, derivatives=True)
        return rasterizer.sample(texture.permute(0, 2, 3, 1), uv, slopes, fragments, self.boundary)

    def _lit(self, light: Tensor, fragments: Fragments) -> Tensor:
        return load_backend(self.backend).interpolate(light.float(), fragments, self.faces)[0]

    def _clay(self, vertices: Tensor, fragments: Fragments, camera: Tensor, mask: Tensor) -> Tensor:
        vertices, axes = vertices.float(), viewing_axes(camera.float())
        nearness = (vertices * axes[:, None, 2]).sum(2, keepdim=True)
        surface = torch.cat([vertex_normals(vertices, self.faces), nearness], 2)
        surface, _ = load_backend(self.backend).interpolate(surface, fragments, self.faces)
        return shade(surface[..., :3], surface[..., 3:], mask, axes)

    def _edges(self, rasterizer: Rasterizer) -> object:
        """The mesh's silhouette topology, made once per device."""
        if self._topology is None or self._topology[0] != self.faces.device:
            self._topology = (self.faces.device, rasterizer.topology(self.faces))
        return self._topology[1]


def _checked_indices(name: str, indices: Tensor) -> int:
    """How many rows the indices need."""
    least = int(indices.min()) if len(indices) else 0
    if least < 0:
        raise ValueError(f"{name}: indices from 0 on are wanted, {least} was given")
    return int(indices.max()) + 1 if len(indices) else 0


def _checked(texture: Tensor, vertices: Tensor) -> Tensor:
    batch = expect("texture", texture, ("B", "C", "Ht", "Wt"))["B"]
    check_batch("texture", batch, vertices.shape[0])
    if texture.device != vertices.device:
        raise ValueError(f"texture: device {vertices.device} is wanted, {texture.device} was given; move it with .to()")
    if texture.device.type == "cpu" and not torch.isfinite(texture).all():
        raise ValueError("texture: finite numbers are wanted, NaN or infinity was given; check what produced it")
    return texture.float()


def _checked_light(light: Tensor, vertices: Tensor, texture: Tensor) -> Tensor:
    batch = expect("light", light, ("B", vertices.shape[1], texture.shape[1]))["B"]
    check_batch("light", batch, vertices.shape[0])
    return light


def _checked_background(background: float | Tensor, image: Tensor) -> float | Tensor:
    if not isinstance(background, Tensor):
        return float(background)
    batch, channels, height, width = image.shape
    fits = background.ndim == 4 and all(
        given in allowed
        for given, allowed in zip(background.shape, ((1, batch), (1, channels), (1, height), (1, width)), strict=True)
    )
    if not fits:
        wanted = f"({batch} or 1, {channels}, {height} or 1, {width} or 1)"
        raise ValueError(f"background: a number or shape {wanted} is wanted, {tuple(background.shape)} was given")
    return background.to(image)
