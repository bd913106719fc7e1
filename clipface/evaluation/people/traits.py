"""How edits change expression, age and sex, by networks that nothing here is trained against."""

from typing import NamedTuple

from torch import Tensor

from clipface.metrics.age import AgeAndSex
from clipface.metrics.expression import EXPRESSIONS, ExpressionClassifier

# Which expression a prompt's name asks for.
INTENDED = {
    "smiling": "happy",
    "happy": "happy",
    "laughing": "happy",
    "angry": "angry",
    "surprised": "surprised",
    "sad": "sad",
    "afraid": "fear",
    "disgusted": "disgust",
    "neutral": "neutral",
}


class Traits(NamedTuple):
    """What the networks say of B faces."""

    expression: Tensor  # [B, 7] probabilities of `EXPRESSIONS`
    age: Tensor  # [B] years
    man: Tensor  # [B] probabilities


class TraitReader:
    """Reads traits off images.

    Raises:
        ModuleNotFoundError: if a package of the extra metrics is missing; says how to install it.
    """

    def __init__(self) -> None:
        self.expression, self.age_and_sex = ExpressionClassifier(), AgeAndSex()

    def __call__(self, images: Tensor, landmarks: Tensor) -> Traits:
        """Read images [B, 3, H, W] in 0..1 with landmarks [B, 68, 2] in pixels."""
        images, landmarks = images.cpu(), landmarks.cpu()
        return Traits(self.expression(images, landmarks), *self.age_and_sex(images, landmarks))


def trait_changes(before: Traits, after: Traits, prompt: str) -> dict[str, float | None]:
    """What an edit does to the traits of the same faces.

    Args:
        before, after: of B faces.
        prompt: its name in configs/prompt.

    Returns:
        `years` older; `man`, by how much the probability rises; of the expression that the prompt asks for, if any:
        its probability `expression before` and `expression after`, and `expression wins`, the share of the faces where
        it is the likeliest.
    """
    found = {"years": (after.age - before.age).mean().item(), "man": (after.man - before.man).mean().item()}
    if prompt in INTENDED:
        column = EXPRESSIONS.index(INTENDED[prompt])
        found["expression before"] = before.expression[:, column].mean().item()
        found["expression after"] = after.expression[:, column].mean().item()
        found["expression wins"] = (after.expression.argmax(1) == column).float().mean().item()
    return found
