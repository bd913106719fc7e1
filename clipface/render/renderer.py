"""From vertices, texture and camera to an image: the one function of the project that renders."""

from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from clipface.render.camera import project, viewing_axes
from clipface.render.light import Light, Shading, check_shading, harmonic_light, sky, studio_light
from clipface.render.rasterize.interface import MIP_LEVEL_BIAS, Boundary, Fragments, check_backend, check_batch
from clipface.render.rasterize.interface import backend as load_backend
from clipface.render.shading import shade, vertex_normals
from clipface.shapes import expect


class Rendering(NamedTuple):
    """`image` [B, C, H, W] over the background, row 0 on top; `mask` [B, 1, H, W] in [0, 1], 1 where the head is."""

    image: Tensor
    mask: Tensor


class Renderer(nn.Module):
    """Renders a textured mesh, without lights or with them, or, without a texture, the shape as shaded clay.

    Texture tensors are exactly their image files: row 0 is the top. The range of colours is the caller's.

    Gradient: to vertices and camera through where the texture lands and, with `antialias`, through the silhouette; to
    the texture through trilinear look-up; to the background. With "warp", a silhouette's gradient is within a few per
    cent of the true one; with "nvdiffrast" it points the right way but is too small where triangles are smaller than
    pixels, and `supersample` brings it nearer.

    Args:
        faces: vertex indices [F, 3].
        uv: texture coordinates [T, 2] in [0, 1], v = 1 at the texture's top.
        uv_faces: texture coordinate indices [F, 3].
        backend: "warp" or "nvdiffrast" (see `rasterize.interface.backend`).
        boundary: what lies beyond the texture's border, "wrap" or "clamp".
        supersample: how many times larger images are rendered and then averaged, where a call does not say.
        shading: "unlit", "sh" or "studio" (see `light.Light`), where a call does not say.
        gloss: [V] in 0..1, which vertices mirror the studio's lamps (the eyes); None: none.
    """

    def __init__(
        self,
        faces: Tensor,
        uv: Tensor,
        uv_faces: Tensor,
        backend: str = "warp",
        boundary: Boundary = "clamp",
        supersample: int = 1,
        shading: Shading = "unlit",
        gloss: Tensor | None = None,
    ) -> None:
        super().__init__()
        count = expect("faces", faces, ("F", 3))["F"]
        expect("uv", uv, ("T", 2))
        expect("uv_faces", uv_faces, (count, 3))
        # The kernels trust their indices, so they are checked here and against the vertices of each call.
        self._least_vertices = _checked_indices("faces", faces)
        least_uv = _checked_indices("uv_faces", uv_faces)
        if least_uv > len(uv):
            raise ValueError(f"uv_faces: expected indices below {len(uv)} (rows of uv), got {least_uv - 1}")
        check_backend(backend)
        check_shading(shading)
        _check_supersample(supersample)
        self.backend, self.boundary = backend, boundary
        self.supersample, self.light = supersample, Light(shading)
        if gloss is not None:
            expect("gloss", gloss, ("V",))
        self.register_buffer("gloss", None if gloss is None else gloss.float(), persistent=False)
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
        supersample: int | None = None,
        light: Tensor | Light | None = None,
    ) -> Rendering:
        """Render a batch of images.

        Args:
            vertices: [B, V, 3], head frame, metres.
            texture: [B or 1, C, Ht, Wt], or None for the clay view (C = 3, colours in [0, 1]).
            camera: [B, 4, 4] or [1, 4, 4] (see `camera`).
            size: height and width in pixels, or one number for both.
            background: a number, or [B or 1, C, 1 or H, 1 or W].
            antialias: blend silhouettes, which gives them a gradient. The mask is then soft.
            supersample: render this many times larger and average; makes silhouettes smoother. None: as the
                renderer was made.
            light: how the head is lit, for textures of three channels in [0, 1]; or [B or 1, V, C], by how much each
                vertex multiplies the texture's colours, smooth in between (gradient: to it too). None: as the renderer
                was made.

        Raises:
            TypeError, ValueError: naming the argument, what was expected and what it got. A texture that is not
                finite is refused on the CPU; on CUDA the check would stall the queue and is left out.
        """
        height, width = (size, size) if isinstance(size, int) else size
        supersample = self.supersample if supersample is None else supersample
        _check_supersample(supersample)
        size = (height * supersample, width * supersample)
        with torch.autocast(vertices.device.type, enabled=False):  # positions in half precision would tear the mesh
            rendered = self._render(vertices, texture, camera, size, antialias, light)
            if supersample > 1:
                planes = functional.avg_pool2d(rendered.permute(0, 3, 1, 2), supersample)
                rendered = planes.permute(0, 2, 3, 1)
            shape = (rendered.shape[0], rendered.shape[3] - 1, height, width)
            behind = _checked_background(background, shape, rendered.device)
            return Rendering(*load_backend(self.backend).compose(rendered, behind))

    def _render(
        self,
        vertices: Tensor,
        texture: Tensor | None,
        camera: Tensor,
        size: tuple[int, int],
        antialias: bool,
        light: Tensor | Light | None,
    ) -> Tensor:
        """Colours on black, and last the mask: [B, H, W, C + 1]."""
        batch = expect("vertices", vertices, ("B", "V", 3))["B"]
        if vertices.shape[1] < self._least_vertices:
            least, given = self._least_vertices, vertices.shape[1]
            raise ValueError(f"vertices: expected at least {least}, as the faces have, got {given}")
        check_batch("camera", expect("camera", camera, ("B", 4, 4))["B"], batch)
        vertices, camera = vertices.float(), camera.float()
        clip = project(vertices, camera)
        light = self.light if light is None else light
        rasterizer = load_backend(self.backend)
        if texture is None:
            fragments = rasterizer.rasterize(clip, self.faces, size, derivatives=False)
            mask = (fragments.rast[..., 3:] > 0).float()
            rendered = torch.cat([self._clay(vertices, fragments, camera, mask), mask], -1)
        elif isinstance(light, Light) and light.shading == "unlit":
            texels = _checked(texture, vertices).permute(0, 2, 3, 1)
            mesh = (self.faces, size, self.uv.float(), self.uv_faces)
            rendered, fragments = rasterizer.paint(clip, *mesh, texels, self.boundary, MIP_LEVEL_BIAS)
        else:
            texels = _checked(texture, vertices).permute(0, 2, 3, 1)
            fragments = rasterizer.rasterize(clip, self.faces, size)
            at, slopes = rasterizer.interpolate(self.uv.float()[None], fragments, self.uv_faces, derivatives=True)
            rendered = rasterizer.sample(texels, at, slopes, fragments, self.boundary, True, MIP_LEVEL_BIAS)
            rendered = self._lit(rendered, vertices, fragments, camera, light)
        if antialias:
            follow = self.backend == "warp"
            rendered = rasterizer.antialias(rendered, fragments, clip, self.faces, self._edges(rasterizer), follow)
        return rendered

    def _lit(
        self, rendered: Tensor, vertices: Tensor, fragments: Fragments, camera: Tensor, light: Tensor | Light
    ) -> Tensor:
        """Drawn colours and mask, with the colours under light."""
        colour, mask = rendered[..., :-1], rendered[..., -1:]
        if isinstance(light, Tensor):
            return torch.cat([colour * self._over(_checked_light(light, vertices, colour), fragments), mask], -1)
        check_shading(light.shading)
        if colour.shape[-1] != 3:
            raise ValueError(f"texture: expected 3 channels with light, got {colour.shape[-1]}")
        normals = vertex_normals(vertices, self.faces)
        if light.shading == "sh":
            harmonics = sky(vertices.device) if light.harmonics is None else light.harmonics
            check_batch("light.harmonics", harmonics.shape[0], vertices.shape[0])
            lit = harmonic_light(normals, harmonics.to(normals), light.turn)
            return torch.cat([colour * self._over(lit, fragments), mask], -1)
        glossy = light.eyes and self.gloss is not None
        if glossy:
            normals = torch.cat([normals, self.gloss.view(1, -1, 1).expand(len(normals), -1, 1)], -1)
        surface = self._over(normals, fragments)
        gloss = surface[..., 3:] if glossy else None
        factor, added = studio_light(surface[..., :3], gloss, viewing_axes(camera), light.turn)
        return torch.cat([colour * factor + added * mask, mask], -1)

    def _over(self, attributes: Tensor, fragments: Fragments) -> Tensor:
        """Vertex attributes at every pixel."""
        return load_backend(self.backend).interpolate(attributes.float(), fragments, self.faces)[0]

    def _clay(self, vertices: Tensor, fragments: Fragments, camera: Tensor, mask: Tensor) -> Tensor:
        axes = viewing_axes(camera)
        nearness = (vertices * axes[:, None, 2]).sum(2, keepdim=True)
        surface = torch.cat([vertex_normals(vertices, self.faces), nearness], 2)
        surface = self._over(surface, fragments)
        return shade(surface[..., :3], surface[..., 3:], mask, axes)

    def _edges(self, rasterizer: ModuleType) -> object:
        """The mesh's silhouette topology, made once per device."""
        if self._topology is None or self._topology[0] != self.faces.device:
            self._topology = (self.faces.device, rasterizer.topology(self.faces))
        return self._topology[1]


def _checked_indices(name: str, indices: Tensor) -> int:
    """How many rows the indices need."""
    least = int(indices.min()) if len(indices) else 0
    if least < 0:
        raise ValueError(f"{name}: expected indices from 0 on, got {least}")
    return int(indices.max()) + 1 if len(indices) else 0


def _checked(texture: Tensor, vertices: Tensor) -> Tensor:
    batch = expect("texture", texture, ("B", "C", "Ht", "Wt"))["B"]
    check_batch("texture", batch, vertices.shape[0])
    if texture.device != vertices.device:
        raise ValueError(f"texture: expected device {vertices.device}, got {texture.device}; move it with .to()")
    # A sum is finite only if all numbers are, and quicker; one that overflows asks again.
    if texture.device.type == "cpu" and not texture.detach().sum().isfinite() and not texture.isfinite().all():
        raise ValueError("texture: expected finite numbers, got NaN or infinity; check what produced it")
    return texture.float()


def _checked_light(light: Tensor, vertices: Tensor, colour: Tensor) -> Tensor:
    batch = expect("light", light, ("B", vertices.shape[1], colour.shape[-1]))["B"]
    check_batch("light", batch, vertices.shape[0])
    return light


def _check_supersample(supersample: int) -> None:
    if supersample < 1:
        raise ValueError(f"supersample: expected a whole number of at least 1, got {supersample}")


def _checked_background(
    background: float | Tensor, shape: tuple[int, int, int, int], device: torch.device
) -> float | Tensor:
    if not isinstance(background, Tensor):
        return float(background)
    batch, channels, height, width = shape
    fits = background.ndim == 4 and all(
        given in allowed
        for given, allowed in zip(background.shape, ((1, batch), (1, channels), (1, height), (1, width)), strict=True)
    )
    if not fits:
        wanted = f"({batch} or 1, {channels}, {height} or 1, {width} or 1)"
        raise ValueError(f"background: expected a number or shape {wanted}, got {tuple(background.shape)}")
    return background.to(device, torch.float32)
