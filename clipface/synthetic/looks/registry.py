"""The stylised looks: for each, its eyes and hair, and the functions that paint it; and faces as attribute vectors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from clipface.synthetic.attributes import CHOICES, Attributes
from clipface.synthetic.canvas import Canvas, PaintContext
from clipface.synthetic.looks import art, creature, monster, paint, painting

Colour = tuple[float, float, float]
Layer = Callable[[Canvas, PaintContext], None]


@dataclass(frozen=True)
class Look:
    """What a look changes; None leaves what the face's own attributes say.

    Attributes:
        skin: painted before hair and lids; over: painted last, before light; lit: changes the lit image.
        iris, white, hair, brows: colours to choose from.
        pupil: radius in iris radii. red: redness of the eye. slit: cat's pupil.
        thickness: of the brows, millimetres; 0 for none. lashes: strength.
        contrast, relief, shine: factors of light, see `light.shade`.
    """

    skin: Layer | None = None
    over: Layer | None = None
    lit: Callable[[Tensor, PaintContext], Tensor] | None = None
    iris: tuple[Colour, ...] | None = None
    white: tuple[Colour, ...] | None = None
    hair: tuple[Colour, ...] | None = None
    brows: tuple[Colour, ...] | None = None
    pupil: float | None = None
    red: float | None = None
    slit: bool = False
    thickness: float | None = None
    lashes: float | None = None
    contrast: float = 1.0
    relief: float = 1.0
    shine: float = 1.0


_BLACK, _WHITE, _GREY = (0.04, 0.03, 0.04), (0.90, 0.89, 0.87), (0.45, 0.45, 0.44)
_DOLL_EYES = ((0.25, 0.50, 0.85), (0.20, 0.60, 0.50), (0.42, 0.26, 0.14))

LOOKS: dict[str, Look] = {
    "zombie": Look(monster.zombie, monster.zombie_blood, iris=((0.80, 0.82, 0.72), (0.86, 0.86, 0.84)), pupil=0.12,
        red=0.7, white=((0.80, 0.76, 0.62),), hair=((0.16, 0.14, 0.11), (0.33, 0.31, 0.27)), relief=1.15,
        contrast=1.15),
    "clown": Look(paint.clown, paint.clown_over,
        hair=((0.80, 0.10, 0.05), (0.90, 0.45, 0.05), (0.10, 0.55, 0.20), (0.10, 0.30, 0.80), (0.85, 0.75, 0.10)),
        thickness=0.0, relief=0.8),
    "ghost": Look(monster.ghost, iris=(_BLACK, (0.80, 0.85, 0.90)), white=((0.06, 0.06, 0.08), (0.88, 0.90, 0.94)),
        pupil=0.3, hair=(_WHITE, (0.72, 0.75, 0.80)), brows=((0.66, 0.70, 0.76),), shine=0.3),
    "vampire": Look(monster.vampire, monster.vampire_blood, iris=((0.80, 0.05, 0.03), (0.92, 0.25, 0.05)), red=0.45,
        pupil=0.3, hair=(_BLACK,), brows=(_BLACK,),
        thickness=3.2, contrast=1.15),
    "werewolf": Look(monster.werewolf, monster.fur, iris=((0.95, 0.70, 0.08), (0.85, 0.55, 0.05)), pupil=0.32,
        white=((0.55, 0.42, 0.28),), hair=((0.20, 0.14, 0.09), (0.30, 0.27, 0.24), (0.12, 0.10, 0.09)),
        thickness=7.5, relief=1.4),
    "avatar": Look(monster.avatar, monster.avatar_dots, iris=((0.95, 0.80, 0.15), (0.85, 0.85, 0.20)), pupil=0.3,
        hair=(_BLACK,), brows=((0.10, 0.16, 0.32),), thickness=2.4, shine=1.3),
    "white_walker": Look(monster.white_walker, iris=((0.25, 0.75, 1.0), (0.45, 0.88, 1.0)), pupil=0.1,
        white=((0.72, 0.84, 0.95),), hair=(_WHITE, (0.75, 0.80, 0.84)), brows=((0.60, 0.68, 0.74),), relief=1.1,
        contrast=1.15, red=0.0),
    "statue": Look(over=art.statue, iris=(_GREY,), contrast=1.35, relief=1.3, shine=0.6),
    "bronze": Look(over=art.bronze, iris=(_GREY,), contrast=1.5, relief=1.5, shine=1.3),
    "witch": Look(creature.witch, iris=((0.90, 0.75, 0.10), (0.60, 0.75, 0.10)), red=0.5, white=((0.86, 0.80, 0.55),),
        hair=(_BLACK, (0.35, 0.34, 0.33)), brows=(_BLACK,), thickness=5.2, relief=1.4),
    "mona_lisa": Look(lit=painting.mona_lisa, iris=((0.25, 0.15, 0.07),), hair=((0.14, 0.08, 0.04),),
        thickness=0.0, lashes=0.3, contrast=1.5, shine=0.5),
    "sketch": Look(lit=painting.sketch, contrast=1.5, relief=1.4, shine=1.2, hair=((0.22, 0.21, 0.20),)),
    "doll": Look(art.doll, art.doll_cheeks, iris=_DOLL_EYES, pupil=0.42, thickness=2.0, lashes=1.5, shine=1.9,
        relief=0.3, red=0.0, white=(_WHITE,)),
    "annabelle": Look(art.annabelle, art.annabelle_cracks, iris=((0.20, 0.42, 0.40), (0.30, 0.22, 0.12)), pupil=0.3,
        thickness=2.4, lashes=1.3, hair=((0.42, 0.18, 0.08), (0.30, 0.16, 0.09)), relief=1.0,
        white=(_WHITE,), red=0.2),
    "barbie": Look(art.barbie, art.barbie_makeup, iris=((0.15, 0.50, 0.95), (0.25, 0.62, 0.90)), pupil=0.42,
        thickness=2.6, lashes=1.5, hair=((0.93, 0.76, 0.40), (0.96, 0.84, 0.55)), brows=((0.60, 0.42, 0.22),),
        shine=1.7, relief=0.25, white=(_WHITE,), red=0.0),
    "princess": Look(art.princess, art.princess_makeup, iris=_DOLL_EYES, pupil=0.5, thickness=3.4, lashes=1.4,
        relief=0.3, white=(_WHITE,), red=0.0, shine=0.9),
    "pixar": Look(art.pixar, art.pixar_face, iris=((0.30, 0.62, 0.90), (0.35, 0.62, 0.30), (0.45, 0.27, 0.12)),
        pupil=0.45, thickness=5.4, lashes=0.8, relief=0.4, white=(_WHITE,), red=0.0, shine=1.2),
    "witcher": Look(creature.witcher, iris=((0.95, 0.75, 0.12),), slit=True, hair=((0.85, 0.84, 0.80),),
        brows=((0.42, 0.39, 0.35),), contrast=1.2, relief=1.3),
    "stoned": Look(creature.stoned, red=1.7, pupil=0.62, white=((0.92, 0.68, 0.64),)),
    "joker": Look(paint.joker, paint.joker_over, hair=((0.08, 0.42, 0.14), (0.15, 0.50, 0.10)),
        thickness=3.0, brows=((0.10, 0.16, 0.08),), contrast=1.15),
    "skull": Look(over=paint.skull, hair=(_BLACK,), thickness=0.0),
    "demon": Look(creature.demon, iris=((1.0, 0.72, 0.05), (1.0, 0.30, 0.03)),
        white=((0.10, 0.02, 0.02), (0.80, 0.60, 0.15)), slit=True, hair=(_BLACK,), brows=(_BLACK,), thickness=5.0,
        relief=1.1, contrast=1.15),
    "orc": Look(creature.orc, iris=((0.85, 0.25, 0.05), (0.80, 0.65, 0.10)), white=((0.80, 0.74, 0.50),), red=0.6,
        hair=(_BLACK,), brows=((0.10, 0.12, 0.05),), relief=1.0, contrast=1.15),
    "robot": Look(over=art.robot, iris=((0.95, 0.10, 0.05), (0.20, 0.75, 1.0)), contrast=1.5,
        relief=2.0, shine=2.0),
    "alien": Look(creature.alien, creature.alien_eyes, iris=(_BLACK,), white=(_BLACK,), thickness=0.0, lashes=0.0,
        shine=1.2),
    "tiger": Look(paint.tiger, paint.tiger_stripes, iris=((0.75, 0.80, 0.15), (0.90, 0.65, 0.10)), pupil=0.32,
        thickness=0.0, hair=((0.80, 0.42, 0.10),)),
    "warpaint": Look(over=paint.warpaint, relief=1.2),
    "van_gogh": Look(lit=painting.van_gogh, hair=((0.62, 0.30, 0.08), (0.25, 0.16, 0.08)), contrast=1.2),
}  # fmt: skip

# What attribute vectors hold, one entry for each thing that can be painted over a face.
_FLAGS = ("moustache", "freckles", "wrinkles", "tired", "scar")
_KINDS = ("look", "beard", "makeup", "lipstick")  # the first of each is "none"
_COLOURS = ("hair_colour", "eyes")
OPTIONS: tuple[tuple[str, object], ...] = (
    *((name, value) for name in _KINDS for value in CHOICES[name][1:]),
    *((name, True) for name in _FLAGS),
    ("age", "old"),
    *((name, value) for name in _COLOURS for value in CHOICES[name]),
)


def attribute_vectors(faces: Sequence[Attributes]) -> Tensor:
    """Return the attribute vectors of painted faces.

    Args:
        faces: N faces.

    Returns:
        [N, len(OPTIONS)] float32: 1 for what a face shows, 0 for what it does not, or what its look hides.
    """
    return torch.tensor([[float(_shows(face, *option)) for option in OPTIONS] for face in faces])


def _shows(face: Attributes, name: str, value: object) -> bool:
    if getattr(face, name) != value:
        return False
    look = LOOKS.get(face.look)
    if name == "hair_colour":
        return not (look and (look.hair or look.brows or look.thickness == 0))
    return not (name == "eyes" and look and look.iris)
