"""From a face's state to texture, vertices and images, with what was computed kept for the next change.

A slider of expression or pose moves vertices only, the strength of an edit mostly texture: each part is kept by exactly
what it depends on.
"""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from clipface.edit.apply import EditedFaces, edit_in_turn, unedited
from clipface.edit.avatar import FRONT_SCALE, Avatar
from clipface.edit.mapper import Codes, FaceMapper, Offsets
from clipface.edit.sampling import sample_latents
from clipface.edit.sliders import PREFIX, sliders
from clipface.render.camera import view
from clipface.view.library import Library
from clipface.view.lights import light
from clipface.view.state import Edit, FaceState, ViewSettings

MOST_KEPT = 32  # results of each kind; a texture takes 0.8 MB


class Surface(NamedTuple):
    """A face as it is rendered."""

    vertices: Tensor  # [1, V, 3] metres
    texture: Tensor | None  # [1, 3, R, R] in 0..1; None: grey geometry
    light: Tensor | None  # [1, V, 3] factors of displayed colours


class PaintedLayers(NamedTuple):
    """What `EditedFaces.texture` paints its layers with: the untouched face under a regional edit is painted once."""

    face_texture: Callable[[Codes], Tensor]  # of one face, to [1, 3, R, R]


class RegionEdit(NamedTuple):
    """A mapper whose texture is kept to a region chosen afterwards; the head's form then stays as it is."""

    mapper: FaceMapper
    region: str

    def offsets(self, codes: Codes) -> Offsets:
        """The mapper's, of the texture alone."""
        return self.mapper.offsets(codes)._replace(expression=None, shape=None)


class Engine:
    """Computes faces. Shared by all tabs; one computation runs at a time, since each uses every core."""

    def __init__(self, avatar: Avatar, library: Library, people: Sequence[Codes] = ()) -> None:
        """Set it up.

        Args:
            avatar: generator, head and renderer.
            library: where edits' mappers come from.
            people: faces of photographs, which take the first numbers, 0 and so on, from the random ones.
        """
        self.avatar, self.library, self.head, self.people = avatar, library, avatar.head, people
        names = avatar.head.expression_names or tuple(f"expression {n + 1}" for n in range(10))
        self.slots = {name: number for number, name in enumerate(names)}
        self.sliders = sliders(avatar)
        self._lock = threading.RLock()
        self._kept: dict[str, OrderedDict] = {}

    def versions(self, state: FaceState) -> tuple[tuple[Edit, int], ...]:
        """A state's edits with the versions of their mappers: these change while one is in training."""
        return tuple((edit, self.library.version(edit.mapper)) for edit in state.edits)

    @torch.no_grad()
    def edited(self, state: FaceState) -> EditedFaces:
        """Codes of one face after its edits.

        Raises:
            ValueError: if a mapper is missing or does not fit, or the head lacks a region.
        """
        key = state.seed, state.psi, state.sliders, self.versions(state)
        return self._once("codes", key, lambda: self._edit(state))

    @torch.no_grad()
    def texture(self, state: FaceState) -> Tensor:
        """Texture [1, 3, R, R] in 0..1; errors as in `edited`."""
        working = tuple(pair for pair in self.versions(state) if pair[0].strength)
        key = state.seed, state.psi, state.sliders, working
        return self._once("texture", key, lambda: self.edited(state).texture(PaintedLayers(self._paint)))

    @torch.no_grad()
    def parameters(self, state: FaceState) -> dict[str, Tensor]:
        """Arguments of the head layer: shape [1, S], expression [1, E], pose [1, 6], neck_pose [1, 3], eye_pose [1, 6].

        Raises:
            ValueError: for an expression slot that the head does not have; else as in `edited`.
        """
        faces = self.edited(state)
        expression, shape = faces.expression.clone(), faces.shape.clone()
        for name, weight in state.expression:
            if name not in self.slots:
                raise ValueError(f"expression: expected a slot of {self.head.source}, got {name!r}")
            expression[0, self.slots[name]] += weight
        count = min(len(state.identity), shape.shape[1])
        shape[0, :count] += shape.new_tensor(state.identity[:count])
        angle = {name: math.radians(degrees) for name, degrees in state.angles}.get
        jaw = [angle("jaw_open", 0.0), angle("jaw_sideways", 0.0), 0.0]
        eye = [-angle("gaze_up", 0.0), angle("gaze_right", 0.0), 0.0]
        neck = [angle("neck_nod", 0.0), angle("neck_turn", 0.0), -angle("neck_tilt", 0.0)]
        return {
            "shape": shape,
            "expression": expression,
            "pose": shape.new_tensor([[0.0, 0.0, 0.0, *jaw]]),
            "neck_pose": shape.new_tensor([neck]),
            "eye_pose": shape.new_tensor([[*eye, *eye]]),
        }

    @torch.no_grad()
    def vertices(self, state: FaceState) -> Tensor:
        """Vertices [1, V, 3], metres; errors as in `parameters`."""
        face = state.seed, state.psi, state.sliders, self.versions(state)
        key = state.expression, state.identity, state.angles, face
        return self._once("vertices", key, lambda: self.head(**self.parameters(state)))

    @torch.no_grad()
    def surface(self, state: FaceState, settings: ViewSettings) -> Surface:
        """All that an image of a face needs; errors as in `parameters`, and for a light that does not exist."""
        with self._lock:
            vertices = self.vertices(state)
            if settings.geometry:
                return Surface(vertices, None, None)
            lit = light(vertices, self.head.faces, settings.light, settings.light_strength)
            return Surface(vertices, self.texture(state), lit)

    @torch.no_grad()
    def render(self, surface: Surface, camera: Tensor, size: tuple[int, int], supersample: int) -> Tensor:
        """Render a face on white.

        Args:
            surface: from `surface`.
            camera: [1, 4, 4].
            size: height and width, pixels.
            supersample: render this many times larger and average.

        Returns:
            [3, H, W] in 0..1.
        """
        with self._lock:
            renderer, light = self.avatar.renderer, surface.light
            rendered = renderer(surface.vertices, surface.texture, camera, size, supersample=supersample, light=light)
            return rendered.image[0].clamp(0, 1)

    @torch.no_grad()
    def small_faces(self, seeds: Sequence[int], psi: float, size: int) -> Tensor:
        """Render unedited faces from the front: [N, 3, size, size] in 0..1."""
        camera = view(torch.zeros(1), torch.zeros(1), FRONT_SCALE).to(self.head.v_template.device)
        images = []
        for seed in seeds:  # one after the other, so that a slider of somebody else waits for one at most
            key = seed, psi, size
            images.append(self._once("small", key, lambda key=key: self._small(key[0], psi, camera, size)))
        return torch.stack(images)

    def _small(self, seed: int, psi: float, camera: Tensor, size: int) -> Tensor:
        codes = self._face(seed, psi)
        image = self.avatar.views(self.avatar.face_texture(codes), codes, camera, 2 * size)
        return torch.nn.functional.avg_pool2d(image, 2)[0].clamp(0, 1)

    def _edit(self, state: FaceState) -> EditedFaces:
        key = state.seed, state.psi
        faces = unedited(self._once("sampled", key, lambda: self._face(*key)))
        for name, units in state.sliders:
            mapper, step = self.library.mapper(PREFIX + name), self.sliders[name]["step"]
            faces = edit_in_turn(self.avatar, faces, [mapper], [units / step])
        for edit in state.edits:
            faces = edit_in_turn(self.avatar, faces, [self._mapper(edit)], [edit.strength])
        return faces

    def _face(self, seed: int, psi: float) -> Codes:
        return self.people[seed] if seed < len(self.people) else sample_latents(self.avatar, [seed], psi)

    def _paint(self, codes: Codes) -> Tensor:
        parts = [codes.w_plus, *([codes.detail.w_plus] if codes.detail else [])]
        key = b"".join(part.cpu().numpy().tobytes() for part in parts)
        return self._once("layer", key, lambda: self.avatar.face_texture(codes))

    def _mapper(self, edit: Edit) -> FaceMapper | RegionEdit:
        mapper = self.library.mapper(edit.mapper)
        return mapper if edit.region in (None, mapper.region) else RegionEdit(mapper, edit.region)

    def _once(self, kind: str, key: Any, compute: Callable[[], Any]) -> Any:
        """Compute, or take what was computed for the same key."""
        with self._lock:
            kept = self._kept.setdefault(kind, OrderedDict())
            if key not in kept:
                kept[key] = compute()
            kept.move_to_end(key)
            while len(kept) > MOST_KEPT * (4 if kind == "small" else 1):
                kept.popitem(last=False)
            return kept[key]
