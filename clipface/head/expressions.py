"""Expression slots by name: ARKit's blend shapes, their left and right sides, and whole expressions made of them."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # names of slots are read by commands that print a help, which must not import PyTorch
    from torch import Tensor

    from clipface.head.model import HeadModel

SIDES = ("Left", "Right")  # endings of slots that move one side; the person's own left and right
ARKIT_NAMES = (
    *(
        f"eye{action}{side}"
        for side in SIDES
        for action in ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")
    ),
    "jawForward",
    "jawLeft",
    "jawRight",
    "jawOpen",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthLeft",
    "mouthRight",
    *(f"mouth{action}{side}" for action in ("Smile", "Frown", "Dimple", "Stretch") for side in SIDES),
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    *(f"mouth{action}{side}" for action in ("Press", "LowerDown", "UpperUp") for side in SIDES),
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "cheekPuff",
    "cheekSquintLeft",
    "cheekSquintRight",
    "noseSneerLeft",
    "noseSneerRight",
    "tongueOut",
)  # in the order of ARKit's own documentation
# Whole expressions, each in one or more ways: slot -> strength in 0..1; without Left or Right both sides move together.
EXPRESSION_SLOTS: dict[str, tuple[dict[str, float], ...]] = {
    "neutral": ({},),
    "smiling": ({"mouthSmile": 0.85, "cheekSquint": 0.45, "mouthDimple": 0.2, "eyeSquint": 0.15},
                {"mouthSmile": 0.9, "cheekSquint": 0.5, "mouthUpperUp": 0.2, "mouthLowerDown": 0.1, "jawOpen": 0.06}),
    "laughing": ({"mouthSmile": 0.95, "cheekSquint": 0.7, "eyeSquint": 0.5, "jawOpen": 0.34, "mouthUpperUp": 0.35,
                  "mouthLowerDown": 0.3},
                 {"mouthSmile": 1.0, "cheekSquint": 0.8, "eyeSquint": 0.4, "jawOpen": 0.16, "mouthUpperUp": 0.45,
                  "mouthLowerDown": 0.45}),
    # With closed lips anger is hard to tell from sadness: first the way that shows teeth.
    "angry": ({"browDown": 1.0, "noseSneer": 0.7, "eyeSquint": 0.3, "jawOpen": 0.4, "mouthUpperUp": 0.6,
               "mouthLowerDown": 0.6, "mouthFrown": 0.4},
              {"browDown": 1.0, "noseSneer": 0.45, "eyeSquint": 0.3, "mouthPress": 0.4, "mouthFrown": 0.45,
               "mouthShrugLower": 0.25}),
    "sad": ({"browInnerUp": 1.0, "mouthFrown": 0.9, "mouthShrugLower": 0.4, "eyeBlink": 0.15},
            {"browInnerUp": 0.8, "mouthFrown": 1.0, "mouthPress": 0.3, "eyeSquint": 0.3}),
    "surprised": ({"browInnerUp": 0.8, "browOuterUp": 0.95, "eyeWide": 0.9, "jawOpen": 0.5},
                  {"browInnerUp": 0.7, "browOuterUp": 0.9, "eyeWide": 1.0, "jawOpen": 0.3, "mouthFunnel": 0.45}),
    "disgusted": ({"noseSneer": 1.0, "mouthUpperUp": 0.7, "browDown": 0.5, "mouthFrown": 0.4, "eyeSquint": 0.45,
                   "cheekSquint": 0.4},),
    "afraid": ({"browInnerUp": 1.0, "browOuterUp": 0.3, "eyeWide": 0.95, "mouthStretch": 0.8, "jawOpen": 0.15,
                "mouthLowerDown": 0.3},),
    "kissing": ({"mouthPucker": 1.0, "mouthFunnel": 0.25, "jawOpen": 0.04},),
    "sleeping": ({"eyeBlink": 1.0},),
    "smirking": ({"mouthSmileLeft": 0.95, "mouthDimpleLeft": 0.6, "cheekSquintLeft": 0.4, "browOuterUpRight": 0.4},
                 {"mouthSmileRight": 0.95, "mouthDimpleRight": 0.6, "cheekSquintRight": 0.4, "browOuterUpLeft": 0.4}),
}  # fmt: skip


def has_arkit(names: Sequence[str]) -> bool:
    """Whether a head's slots begin with ARKit's 52.

    Args:
        names: of the head's slots, in order (`HeadModel.expression_names`).
    """
    return "jawOpen" in names[: len(ARKIT_NAMES)]


def slots_of(name: str, names: Collection[str]) -> list[str]:
    """The slots that a name means: the one of that name, else those of its two sides, left first.

    Args:
        name: "jawOpen", "mouthSmileLeft", or "mouthSmile" for both sides.
        names: of the head's slots.

    Returns:
        Those of `names` that are meant; empty if there are none.
    """
    return [name] if name in names else [name + side for side in SIDES if name + side in names]


def expression_of(head: "HeadModel", recipe: Mapping[str, float]) -> "Tensor":
    """Coefficients [1, E] of an expression on the head's device; parts that the head has no slot for are left out.

    Args:
        head: with names of its slots, or without any.
        recipe: strengths by slot, of `EXPRESSION_SLOTS` for example; a name without a side stands for both sides.
    """
    names = head.expression_names
    coefficients = head.v_template.new_zeros(1, head.n_expression)
    for name, strength in recipe.items():
        coefficients[0, [names.index(slot) for slot in slots_of(name, names)]] = strength
    return coefficients
