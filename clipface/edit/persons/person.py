"""A person made from photographs: head, texture and the generator's nearest code, as faces to edit and as one file.

person = Person.from_photos(["me.jpg", "side.jpg"], editor.avatar)
edited = edit_faces(editor.avatar, person.codes(editor.avatar), editor.mappers)
person.save("me.person.safetensors")
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor
from torch.nn import functional

from clipface.bake.head_fit import COEFFICIENTS, HeadFit
from clipface.bake.texture import previews
from clipface.documents import parse_json
from clipface.edit.avatar import Avatar
from clipface.edit.mapper import Codes, Detail
from clipface.edit.origin import GENERATOR, UV_MAP, warn_of_head
from clipface.edit.persons.inversion import invert
from clipface.export.surface import png, texture_image
from clipface.files import regular, write_atomic
from clipface.head.mesh import check_uv_map
from clipface.photos.textures import bake_person
from clipface.settings import PERSON_SUFFIX, PERSON_TEXTURE
from clipface.shapes import expect

PREVIEW = 192  # pixels, of each of two views
LARGEST = 4096  # side of a texture, texels
LEVELS = 255  # that a texture's colours have, so that a file holds all of them
LEAST_DETERMINANT = 1e-12  # of a map from a photograph's pixels to a crop's
METADATA = "person"  # name of the notes in a file
REMEDY = "make it again by scripts/edit.py --photo"


@dataclass(frozen=True)
class Person:
    """One person in P photographs.

    Attributes:
        texture: [3, S, S] in 0..1 in steps of 1/255, without the photographs' light, with clean eyes.
        w_plus: [L, dim] code whose texture is the generator's nearest.
        fit: P heads of one identity, with each photograph's expression, pose, camera and light.
        matrices: [P, 3, 3] float64, pixels of the upright photographs to those of crops of 512.
        sizes: [P, 2] int64, width and height of the photographs.
        notes: the UV map and the generator (`Avatar.origin`), and `error`, how far the code's texture is off.
        preview: an image of the head, as bytes of a PNG.

    Raises:
        ValueError: if shapes do not fit or numbers are not finite.
    """

    texture: Tensor
    w_plus: Tensor
    fit: HeadFit
    matrices: Tensor
    sizes: Tensor
    notes: dict[str, Any] = field(default_factory=dict)
    preview: bytes = b""

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        side = expect("texture", self.texture, (3, "S", "S"))["S"]
        if not 8 <= side <= LARGEST or side & (side - 1):
            raise ValueError(f"texture: expected a side that is a power of two from 8 to {LARGEST}, got {side}")
        expect("w_plus", self.w_plus, ("L", "dim"))
        count = expect("matrices", self.matrices, ("P", 3, 3))["P"]
        expect("sizes", self.sizes, (count, 2))
        widths = ("S", "E", 6, 6, None, 2, COEFFICIENTS, "K")
        for name, part, width in zip(HeadFit._fields, self.fit, widths, strict=True):
            shape = (count,) if width is None else (count, width, 3) if name == "light" else (count, width)
            expect(f"fit.{name}", part, shape)
        if count < 1:
            raise ValueError("matrices: expected one photograph or more, got none")
        if not all(part.isfinite().all() for part in (self.texture, self.w_plus, self.matrices, *self.fit)):
            raise ValueError("person: expected finite numbers, got others")
        if (self.sizes < 1).any() or not torch.linalg.det(self.matrices).abs().min() > LEAST_DETERMINANT:
            raise ValueError("matrices, sizes: expected where photographs of a size lie in crops, got no such places")

    @classmethod
    def from_photos(
        cls, photos: Sequence[str | Path], avatar: Avatar, size: int = PERSON_TEXTURE, which_face: int = 1,
        fits: Sequence[str | Path] = (),
    ) -> "Person":  # fmt: skip
        """Make a person from photographs; nothing leaves this machine.

        Args:
            photos: files of one person's photographs: what one hides another may show.
            avatar: whose head is fitted, and to whose generator the code belongs.
            size: of the texture, texels, a power of two.
            which_face: of the faces in a photograph, the largest first.
            fits: codes of DECA, EMOCA or SMIRK, one of each photograph, for FLAME; none: heads are fitted.

        Raises:
            ValueError: if a photograph or code cannot be read, or shows no such face; names the file.
            ImportError: if onnxruntime is missing; says how to get it.
        """
        photos, fits = ([Path(path) for path in paths] for paths in (photos, fits))
        if len(fits) not in (0, len(photos)):
            raise ValueError(f"fits: expected {len(photos)}, one of each photograph, got {len(fits)}")
        baked = bake_person(photos, avatar.head, avatar.renderer, size, which_face, fits=fits)
        texture = (baked.texture * LEVELS).round() / LEVELS
        preview = previews(avatar.head, avatar.renderer, baked.fit.shape[:1], texture, PREVIEW)[0]
        parts = (texture[0].cpu(), *_nearest(texture, avatar), baked.fit.to("cpu"), baked.matrices, baked.sizes)
        texture, w_plus, error, *others = parts
        return cls(texture, w_plus, *others, avatar.origin | {"error": error}, png(texture_image(preview)))

    def codes(self, avatar: Avatar) -> Codes:
        """The person's face, neutral, as codes [1, ...] on the avatar's device.

        Raises:
            ValueError: if the head has fewer coefficients than the person.
        """
        head, device = avatar.head, avatar.head.v_template.device
        given, most = (self.fit.shape.shape[1], self.fit.expression.shape[1]), (head.n_shape, head.n_expression)
        if given[0] > most[0] or given[1] > most[1]:
            raise ValueError(f"person: expected at most {most} coefficients of identity and expression, got {given}")
        shape = functional.pad(self.fit.shape[:1], (0, most[0] - given[0])).to(device)
        w_plus = self.w_plus[None].to(device)
        detail = Detail(self.texture[None].to(device), w_plus)
        return Codes(w_plus, shape.new_zeros(1, most[1]), shape, detail)

    def image(self) -> Image.Image:
        """The preview."""
        return Image.open(io.BytesIO(self.preview), formats=["PNG"])

    def save(self, path: str | Path) -> Path:
        """Write all of it as one file, from which `load` gets every bit; `path` ends in `.person.safetensors`."""
        path = Path(path)
        if not path.name.endswith(PERSON_SUFFIX):
            raise ValueError(f"path: expected a file ending in {PERSON_SUFFIX}, got {path.name!r}")
        tensors = {f"fit.{name}": part for name, part in self.fit._asdict().items()}
        tensors |= {"w_plus": self.w_plus, "matrices": self.matrices, "sizes": self.sizes}
        tensors["texture"] = (self.texture * LEVELS).round().byte()
        tensors["preview"] = torch.tensor(list(self.preview), dtype=torch.uint8)
        tensors = {name: part.contiguous() for name, part in tensors.items()}
        return write_atomic(path, to_bytes(tensors, {METADATA: json.dumps(self.notes, sort_keys=True)}))

    @classmethod
    def load(cls, path: str | Path, avatar: Avatar) -> "Person":
        """Read a person.

        A person of another generator gets the nearest code of this one: the texture, which tells who it is, is in the
        file, and finding the code takes seconds. Another UV map needs the photographs again.

        Args:
            path: what `save` wrote.
            avatar: for which.

        Raises:
            FileNotFoundError, ValueError: if the file is missing, damaged, no person's, or of another UV map.
        """
        person = _read(Path(path))
        check_uv_map(f"person {path}", person.notes.get(UV_MAP), avatar.head, REMEDY)
        warn_of_head(f"person {path}", person.notes, avatar)
        levels, dim = avatar.generator.levels, avatar.generator.config["w_dim"]
        same = person.notes.get(GENERATOR) == avatar.origin.get(GENERATOR)
        if same and person.w_plus.shape == (levels, dim):
            return person
        w_plus, error = _nearest(person.texture[None].to(avatar.head.v_template), avatar)
        return replace(person, w_plus=w_plus, notes=person.notes | avatar.origin | {"error": error})


def _nearest(texture: Tensor, avatar: Avatar) -> tuple[Tensor, float]:
    """The generator's code [L, dim], on the CPU, nearest to a texture [1, 3, S, S], and the mean error of colours."""
    found = invert(avatar.generator, avatar.linear, avatar.on_generators_map(texture))
    return found.w_plus[0].cpu(), round(float(found.error[0]), 4)


def _read(path: Path) -> Person:
    path = regular(path, "person", REMEDY)
    try:
        with safe_open(path, "pt") as file:
            notes = parse_json((file.metadata() or {})[METADATA])
            parts = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  no dictionary
        fit = HeadFit(*(parts[f"fit.{name}"].float() for name in HeadFit._fields))
        texture, preview = parts["texture"], parts["preview"]
        if texture.dtype != torch.uint8 or preview.dtype != torch.uint8 or not isinstance(notes, dict):
            raise ValueError("expected bytes of a texture and of a preview, and notes")
        colours = texture.float() / LEVELS
        w_plus, matrices, sizes = parts["w_plus"].float(), parts["matrices"].double(), parts["sizes"].long()
        return Person(colours, w_plus, fit, matrices, sizes, notes, preview.numpy().tobytes())
    except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
        raise ValueError(f"person: {path} is damaged or no person's file ({error}); {REMEDY}") from error
