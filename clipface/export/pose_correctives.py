"""A head's pose correctives as few morph targets whose weights follow the joints' rotations."""

from typing import NamedTuple

import numpy as np
import torch

from clipface.export.morph_targets import NEGLIGIBLE
from clipface.head import HeadModel
from clipface.head.data import JOINTS
from clipface.head.model import rotation_matrices

WIDE = 0.5  # radians; a turn by so much about an axis brings a corrective to a weight of 1 at most, as sliders go
SMALLEST_PEAK = 1e-3  # of weights; what such turns hardly bring about is not scaled


class PoseCorrective(NamedTuple):
    """One shape that a joint's rotation brings about."""

    name: str
    joint: str  # of `JOINTS`
    offsets: np.ndarray  # [V, 3] metres at weight 1
    entries: np.ndarray  # [3, 3]; the weight is the sum of entries times (rotation matrix - identity)

    def weight(self, rotations: np.ndarray) -> float:
        """Its weight for rotations [J, 3], axis-angle in radians, each in its parent's axes."""
        turn = rotation_matrices(torch.from_numpy(rotations[JOINTS.index(self.joint)])).numpy()
        return float((self.entries * (turn - np.eye(3))).sum())


def pose_correctives(head: HeadModel) -> list[PoseCorrective]:
    """Return all of a head's correctives, joint by joint, those that move most first.

    A head has nine offsets for a joint, one for each entry of its rotation matrix. Few of them are independent (the
    open head has four for the jaw and each eye); in the axes of their principal components the others vanish.
    """
    found = []
    directions = head.pose_directions.double().cpu().unflatten(0, (len(JOINTS) - 1, 9))
    for joint, nine in zip(JOINTS[1:], directions, strict=True):
        axes = torch.linalg.eigh(nine @ nine.T).eigenvectors.flip(1).T  # [9, 9], the strongest first
        peaks = _peaks(axes)[:, None]
        offsets = (peaks * (axes @ nine)).unflatten(1, (-1, 3)).numpy()  # [9, V, 3]
        for number, (shape, entries) in enumerate(zip(offsets, (axes / peaks).numpy(), strict=True)):
            if np.linalg.norm(shape, axis=1).max() > NEGLIGIBLE:
                found.append(PoseCorrective(f"corrective_{joint}_{number}", joint, shape, entries.reshape(3, 3)))
    return found


def _peaks(axes: torch.Tensor) -> torch.Tensor:
    """Weights [9] farthest from zero, with their signs, that turns by `WIDE` about the head's axes give to each."""
    turns = WIDE * torch.cat([torch.eye(3), -torch.eye(3)]).double()
    entries = (rotation_matrices(turns) - torch.eye(3)).flatten(1)
    weights = axes @ entries.T  # [9, 6]
    farthest = weights.abs().round(decimals=9).argmax(1, keepdim=True)  # rounded, so that of equals the first is taken
    peaks = weights.gather(1, farthest)[:, 0]
    return torch.where(peaks.abs() > SMALLEST_PEAK, peaks, 1.0)
