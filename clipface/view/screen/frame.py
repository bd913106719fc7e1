"""One frame of a motion."""

from typing import NamedTuple

from torch import Tensor

from clipface.animation.motion import Motion


class Frame(NamedTuple):
    """One frame of a motion, which is added to what the face does."""

    expression: Tensor  # [1, E]
    pose: Tensor  # [1, 6] axis-angle of head and jaw, radians
    neck_pose: Tensor  # [1, 3]
    eye_pose: Tensor  # [1, 6]

    @classmethod
    def of(cls, motion: Motion, number: int) -> "Frame":
        """One frame of a motion, on the motion's device."""
        return cls(*(part[number : number + 1] for part in motion.parts))
