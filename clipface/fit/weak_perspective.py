"""The camera and the turn under which a solid comes closest to points in an image."""

import torch
from scipy.spatial.transform import Rotation
from torch import Tensor


def weak_perspective(solid: Tensor, flat: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Find the weak-perspective cameras under which points of one solid lie closest to points in images.

    The least-squares affine camera is brought to the nearest one whose rows are orthogonal and of one length.

    Args:
        solid: [N, 3].
        flat: [B, N, 2], y up.
        weights: [B, N], not negative; four points in no plane need a weight.

    Returns:
        Turns [B, 3, 3], scales [B] and shifts [B, 2]: flat is about scale * (turn @ solid)[:2] + shift.
    """
    weights = weights[..., None]
    total = weights.sum(1, keepdim=True)
    middle, centre = (weights * flat).sum(1, keepdim=True) / total, (weights * solid).sum(1, keepdim=True) / total
    root = weights.sqrt()
    affine = torch.linalg.lstsq((solid - centre) * root, (flat - middle) * root).solution.transpose(1, 2)  # [B, 2, 3]
    u, s, v = torch.linalg.svd(affine, full_matrices=False)
    rows, scale = u @ v, s.mean(1)
    turn = torch.cat([rows, torch.linalg.cross(rows[:, 0], rows[:, 1])[:, None]], 1)
    shift = middle[:, 0] - scale[:, None] * (rows @ centre.transpose(1, 2))[..., 0]
    return turn, scale, shift


def axis_angle(turn: Tensor) -> Tensor:
    """Axis-angle vectors [B, 3], radians, of rotations [B, 3, 3]."""
    return torch.from_numpy(Rotation.from_matrix(turn.double().cpu().numpy()).as_rotvec()).to(turn)
