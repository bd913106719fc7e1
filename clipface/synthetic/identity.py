"""Head parameters that go with attributes: believable identities, and expressions by the names of their slots."""

from collections.abc import Sequence

import torch
from torch import Tensor

from clipface.head import HeadModel
from clipface.head.expressions import EXPRESSION_SLOTS, slots_of
from clipface.head.regions import region_mask
from clipface.synthetic.attributes import Attributes

IDENTITY_SPREAD = 0.5  # fitted photographs of real people spread about half as much as the head's N(0, 1)
LOOK_SLOTS: dict[str, dict[str, float]] = {
    "stoned": {"eyeBlink": 0.30, "eyeSquint": 0.1}, "doll": {"eyeWide": 0.5}, "annabelle": {"eyeWide": 0.7},
    "barbie": {"eyeWide": 0.4},
    "princess": {"eyeWide": 0.8}, "pixar": {"eyeWide": 0.9}, "alien": {"eyeWide": 0.5}, "orc": {"browDown": 0.5},
    "demon": {"browDown": 0.6},
    "werewolf": {"browDown": 0.5, "noseSneer": 0.35}, "zombie": {"eyeBlink": 0.12}, "vampire": {"browDown": 0.35},
}  # fmt: skip
_RESTLESS = (
    "eyeSquint",
    "browInnerUp",
    "browOuterUp",
    "browDown",
    "mouthPress",
    "mouthShrugLower",
    "mouthRollLower",
    "mouthSmile",
)
_OPEN_MOUTH = {"jawOpen": 0.14, "mouthClose": 0.0, "mouthFunnel": 0.06}


# what a woman's face has more of than the mean one, millimetres (a man's the opposite); see `_measures`
_FEMALE = {"jaw width": -7.0, "neck width": -9.0, "brow ridge": -1.6, "brow height": 1.3, "nose length": -1.6,
           "nose width": -1.8,
           "lip height": 1.6, "mouth width": -0.8, "eye opening": 0.9, "chin length": -3.0}  # fmt: skip
_DIRECTION_COUNT = 100  # identity coefficients that the direction of sex may use
_RIDGE = 0.5  # square millimetres; keeps the direction short where measures cannot be met


def _measures(head: HeadModel, vertices: Tensor) -> Tensor:
    """Measures of heads [B, V, 3], in the order of `_FEMALE`: [B, 10] millimetres."""
    rest, marks = head.v_template, head.landmarks(vertices)
    mouth, nose = head.landmarks(rest[None])[0, 48:60].mean(0), head.landmarks(rest[None])[0, 30]
    drop = mouth[1] - rest[:, 1]
    low = region_mask(head, "face") & (drop > 0) & (drop < 0.03)
    low &= rest[:, 0].abs() > 0.75 * (rest[:, 0].abs() * low).amax()
    chin = (rest[:, 0].abs() < 0.012) & (drop > 0.02) & (drop < 0.045) & (rest[:, 2] > nose[2] - 0.035)

    def mean(values: Tensor) -> Tensor:  # a head of few vertices may have none there; then there is no measure
        return values.mean(1) if values.shape[1] else values.new_zeros(len(values))

    def width(mask: Tensor) -> Tensor:
        return 2 * mean(vertices[:, mask, 0] * rest[mask, 0].sign())

    x, y, z = marks.unbind(-1)
    values = [width(low), width(region_mask(head, "neck")), z[:, 17:27].mean(1) - z[:, 36:48].mean(1),
              y[:, 17:27].mean(1) - y[:, [37, 38, 43, 44]].mean(1), z[:, 30] - z[:, [31, 35]].mean(1), x[:, 35] - x[:,
                  31],
              y[:, 51] - y[:, 57], x[:, 54] - x[:, 48], y[:, [37, 38, 43, 44]].mean(1) - y[:, [40, 41, 46, 47]].mean(1),
              mean(y[:, 57:58] - vertices[:, chin, 1])]  # fmt: skip
    return 1000 * torch.stack(values, 1)


def female_direction(head: HeadModel) -> Tensor:
    """The shortest change of identity [S] that makes the mean head's measures a woman's."""
    count = min(_DIRECTION_COUNT, head.n_shape)
    device = head.v_template.device
    rest = _measures(head, head.v_template[None])
    slopes = (_measures(head, head(torch.eye(count, device=device))) - rest).T  # [10, count]
    measures = torch.tensor(list(_FEMALE.values()), device=device)
    ridge = _RIDGE * torch.eye(len(measures), device=device)
    return torch.nn.functional.pad(
        slopes.T @ torch.linalg.solve(slopes @ slopes.T + ridge, measures), (0, head.n_shape - count)
    )


def sample_shape(faces: Sequence[Attributes], count: int, female: Tensor, generator: torch.Generator) -> Tensor:
    """Identity coefficients [B, count], with the spread of real people, around the mean woman or man.

    Args:
        faces: of which the sex is read.
        count: coefficients that vary.
        female: [S], from `female_direction`.
        generator: source of randomness, on the device of `female`.
    """
    spread = IDENTITY_SPREAD * torch.randn(len(faces), count, generator=generator, device=female.device)
    sign = torch.tensor([1.0 if face.sex == "woman" else -1.0 for face in faces], device=female.device)
    amount = 0.5 + 0.6 * torch.rand(len(faces), generator=generator, device=female.device)
    return spread + (sign * amount)[:, None] * female[:count]


def sample_expression(faces: Sequence[Attributes], head: HeadModel, generator: torch.Generator) -> Tensor:
    """Expression coefficients [B, E] of each face: its expression at random strength, the look's habit, some unrest.

    Slots that the head has no name for are left out, so any head with ARKit names will do.
    """
    device = head.v_template.device
    slots = {name: index for index, name in enumerate(head.expression_names)}
    uniform = torch.rand(len(faces), 6, generator=generator, device=device).cpu()
    result = torch.zeros(len(faces), head.n_expression)
    for row, (face, chance) in enumerate(zip(faces, uniform.tolist(), strict=True)):
        recipes = EXPRESSION_SLOTS[face.expression]
        _add(
            result[row],
            slots,
            recipes[int(chance[0] * len(recipes))],
            0.65 + 0.45 * chance[1],
            (chance[2] - 0.5) * 0.16,
        )
        _add(result[row], slots, LOOK_SLOTS.get(face.look, {}), 0.6 + 0.5 * chance[3], 0.0)
        if face.expression == "neutral":
            _add(result[row], slots, {_RESTLESS[int(chance[4] * len(_RESTLESS))]: 0.18}, chance[3], 0.05)
            _add(result[row], slots, _OPEN_MOUTH, max(0.0, chance[5] - 0.7) * 3.3, 0.0)
    sway = torch.rand(result.shape, generator=generator, device=device).cpu()
    result = result * (0.85 + 0.3 * sway)
    return result.clamp(0, 1.1).to(device)


def _add(row: Tensor, slots: dict[str, int], recipe: dict[str, float], strength: float, tilt: float) -> None:
    for name, value in recipe.items():
        found = slots_of(name, slots)
        tilts = (1 + tilt, 1 - tilt) if len(found) > 1 else (1.0,) * len(found)  # none on a head without names
        for slot, share in zip(found, tilts, strict=True):
            row[slots[slot]] += value * strength * share


def sample_pose(batch: int, generator: torch.Generator, device: torch.device) -> tuple[Tensor, Tensor]:
    """Small turns of neck [batch, 3] and gaze [batch, 6] (both eyes together), radians."""
    turns = torch.randn(batch, 5, generator=generator, device=device)
    neck = turns[:, :3] * torch.tensor([0.05, 0.05, 0.04], device=device)
    gaze = torch.cat([turns[:, 3:] * 0.08, torch.zeros(batch, 1, device=device)], dim=1)
    return neck, gaze.repeat(1, 2)
