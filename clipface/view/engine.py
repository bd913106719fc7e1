"""From a face's state to texture, vertices and images, with what was computed kept for the next change.

A slider of expression or pose moves vertices only, the strength of an edit mostly texture: each part is kept by exactly
what it depends on.
"""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from clipface.edit.apply import EditedFaces, edit_in_turn, unedited
from clipface.edit.avatar import FRONT_SCALE, Avatar
from clipface.edit.hair import with_hair
from clipface.edit.mapper import Codes, FaceMapper
from clipface.edit.sampling import sample_latents
from clipface.edit.sliders import PREFIX, sliders
from clipface.head.expressions import EXPRESSION_SLOTS, expression_of
from clipface.head.measurements import Measurements
from clipface.render.camera import view
from clipface.render.renderer import Rendering
from clipface.view.edits.library import Library
from clipface.view.edits.regional import RegionEdit
from clipface.view.screen.backdrop import WHITE
from clipface.view.screen.frame import Frame
from clipface.view.screen.lights import light
from clipface.view.screen.surface import Surface
from clipface.view.session.state import MOST_OTHERS, Edit, FaceState, ViewSettings

MOST_KEPT = 32  # results of each kind
MOST_TEXTURES = 2 * (1 + MOST_OTHERS)  # of 3 MB, or 13 MB of a person's: as many as a view shows at most
MOST_SMALL = 400  # images of 60 kB
MOST_OF = {"texture": MOST_TEXTURES, "layer": MOST_TEXTURES, "hair": MOST_TEXTURES, "small": MOST_SMALL}
SMALL = 144  # pixels of their sides


def moved(parameters: dict[str, Tensor], frame: Frame) -> dict[str, Tensor]:
    """Arguments of the head layer with a frame of a motion added."""
    return {name: value + getattr(frame, name, 0) for name, value in parameters.items()}


class PaintedLayers(NamedTuple):
    """What `EditedFaces.texture` paints its layers with: the untouched face under a regional edit is painted once."""

    face_texture: Callable[[Codes], Tensor]  # of one face, to [1, 3, R, R]


def no_person(key: str) -> Codes:
    """Where no person was made in the page; raises ValueError."""
    raise ValueError(f"person: expected one of this page, got {key!r}, which is not there (any more)")


class Engine:
    """Computes faces. Shared by all tabs; one computation runs at a time, since each uses every core."""

    def __init__(
        self,
        avatar: Avatar,
        library: Library,
        people: Sequence[Codes] = (),
        persons: Callable[[str], Codes] = no_person,
    ) -> None:
        """Set it up.

        Args:
            avatar: generator, head and renderer.
            library: where edits' mappers come from.
            people: faces of photographs, which take the first numbers, 0 and so on, from the random ones.
            persons: gives the face of a person that was made in the page, by its key.
        """
        self.persons = persons
        self.measurements = Measurements(avatar.head)
        self.avatar, self.library, self.head, self.people = avatar, library, avatar.head, people
        names = avatar.head.expression_names or tuple(f"expression {n + 1}" for n in range(10))
        self.slots = {name: number for number, name in enumerate(names)}
        self.sliders = sliders(avatar)
        self._lock = threading.RLock()
        self._kept: dict[str, OrderedDict] = {}

    def versions(self, state: FaceState) -> tuple[tuple[Edit, int], ...]:
        """A state's edits that change anything, with the versions of their mappers, which change in training."""
        return tuple((edit, self.library.version(edit.mapper)) for edit in state.edits if edit.working)

    @torch.no_grad()
    def edited(self, state: FaceState) -> EditedFaces:
        """Codes of one face after its edits.

        Raises:
            ValueError: if a mapper is missing or does not fit, or the head lacks a region.
        """
        key = *state.who, state.sliders, self.versions(state)
        return self._once("codes", key, lambda: self._edit(state))

    @torch.no_grad()
    def texture(self, state: FaceState) -> Tensor:
        """Texture [1, 3, R, R] in 0..1; errors as in `edited`."""
        key = *state.who, state.sliders, self.versions(state)
        return self._once("texture", key, lambda: self.edited(state).texture(PaintedLayers(self._paint)))

    def coloured(self, state: FaceState, hair: bool) -> Tensor:
        """The texture as it is shown, with cropped hair or without; errors as in `edited` and `with_hair`."""
        if not hair:
            return self.texture(state)
        key = *state.who, state.sliders, self.versions(state)
        return self._once("hair", key, lambda: with_hair(self.avatar, self.texture(state)))

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
        for name, amount in state.moods:
            expression += amount * expression_of(self.head, EXPRESSION_SLOTS[name][0])
        if state.form:
            shape = self.measurements.changed(shape, dict(state.form))
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
    def vertices(self, state: FaceState, frame: Frame | None = None) -> Tensor:
        """Vertices [1, V, 3], metres, at rest or in a frame of a motion; errors as in `parameters`."""
        if frame is not None:
            return self.head(**moved(self.parameters(state), frame))
        face = *state.who, state.sliders, self.versions(state)
        key = state.expression, state.moods, state.form, state.angles, face
        return self._once("vertices", key, lambda: self.head(**self.parameters(state)))

    @torch.no_grad()
    def surface(self, state: FaceState, settings: ViewSettings, frame: Frame | None = None) -> Surface:
        """All that an image of a face needs.

        Args:
            state: the face.
            settings: how it is looked at.
            frame: of a motion, which is added to what the face does.

        Raises:
            ValueError: as in `parameters`, and for a light that does not exist.
        """
        with self._lock:
            vertices, backdrop = self.vertices(state, frame), settings.backdrop
            if settings.surface in ("geometry", "wireframe"):
                return Surface(vertices, None, None, edges=settings.surface == "wireframe", backdrop=backdrop)
            texture = self.coloured(state, settings.hair)
            if settings.surface == "texture map":
                return Surface(vertices, texture, None, flat=True, backdrop=backdrop)
            lit = light(vertices, self.head.faces, settings.light, settings.light_strength)
            return Surface(vertices, texture, lit, settings.light_strength, backdrop=backdrop)

    @torch.no_grad()
    def render(
        self, surface: Surface, camera: Tensor, size: tuple[int, int], supersample: int, behind: float | Tensor = 1.0
    ) -> Rendering:
        """Render a face.

        Args:
            surface: from `surface`.
            camera: [1, 4, 4].
            size: height and width, pixels.
            supersample: render this many times larger and average.
            behind: what lies behind it: a number, or [1, 3, H, W] in 0..1.

        Returns:
            Image [1, 3, H, W] in 0..1 and mask [1, 1, H, W].
        """
        with self._lock:
            return surface.rendered(self.avatar.renderer, camera, size, supersample, behind)

    @torch.no_grad()
    def small(self, state: FaceState, make: bool = True) -> np.ndarray | None:
        """Render a small image of a face from the front, on white.

        Args:
            state: the face.
            make: whether to render it if it is not there yet.

        Returns:
            [SMALL, SMALL, 3] uint8; None: not there yet.
        """
        key = state, self.versions(state)
        if not make:
            with self._lock:
                return self._kept.get("small", {}).get(key)
        return self._once("small", key, lambda: self._small(state))

    def _small(self, state: FaceState) -> np.ndarray:
        camera = view(torch.zeros(1), torch.zeros(1), FRONT_SCALE).to(self.head.v_template)
        image = self.render(self.surface(state, ViewSettings(backdrop=WHITE)), camera, (SMALL, SMALL), 2).image[0]
        return (image * 255).round().byte().permute(1, 2, 0).cpu().numpy()

    def _edit(self, state: FaceState) -> EditedFaces:
        faces = unedited(self._once("sampled", state.who, lambda: self._face(state)))
        for name, units in state.sliders:
            mapper, step = self.library.mapper(PREFIX + name), self.sliders[name]["step"]
            faces = edit_in_turn(self.avatar, faces, [mapper], [units / step])
        for edit, _ in self.versions(state):
            faces = edit_in_turn(self.avatar, faces, [self._mapper(edit)], [edit.strength])
        return faces

    def _face(self, state: FaceState) -> Codes:
        if state.person:
            return self.persons(state.person)
        if state.seed < len(self.people):
            return self.people[state.seed]
        return sample_latents(self.avatar, [state.seed], state.psi)

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
            while len(kept) > MOST_OF.get(kind, MOST_KEPT):
                kept.popitem(last=False)
            return kept[key]
