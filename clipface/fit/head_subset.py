"""A head cut down to some points of its surface, so that fitting them evaluates nothing else."""

import numpy as np
import torch
from torch import Tensor

from clipface.head import HeadData, HeadModel
from clipface.head.data import JOINTS


def head_at_points(
    head: HeadModel, corners: Tensor, barycentric: Tensor, n_shape: int, expressions: Tensor
) -> HeadModel:
    """Cut a head down to points of its surface and some of its coefficients.

    The result is a `HeadModel` that computes exactly what the full one does there. Its joints are regressed from five
    vertices that move as the full head's joints do, which is linear in the coefficients.

    Args:
        head: the full head.
        corners: [N, 3] int64, vertices of each point's triangle.
        barycentric: [N, 3] their weights.
        n_shape: how many identity coefficients are kept, the first ones.
        expressions: [E'] int64, which expression coefficients are kept.

    Returns:
        A head whose `landmarks` [B, N, 3] are the points, in the order given.
    """
    device = head.v_template.device
    used, places = torch.unique(corners.to(device), return_inverse=True)
    regressor = head.joint_regressor

    def cut(directions: Tensor) -> np.ndarray:
        """[n, 3 V] of the full head to [V' + J, 3, n] here."""
        full = directions.unflatten(1, (-1, 3))
        return torch.cat([full[:, used], regressor @ full], 1).permute(1, 2, 0).cpu().numpy()

    count, joints = len(used), len(JOINTS)
    pose_directions = cut(head.pose_directions)
    pose_directions[count:] = 0
    joint_rows = torch.eye(count + joints)[count:].numpy()
    names = head.expression_names
    kept = [names[slot] for slot in expressions.tolist() if slot < len(names)]
    small = HeadModel(
        HeadData(
            v_template=torch.cat([head.v_template[used], regressor @ head.v_template]).cpu().numpy(),
            faces=places.cpu().numpy(),
            shapedirs=cut(head.shape_directions[:n_shape]),
            expression_dirs=cut(head.expression_directions[expressions.to(device)]),
            posedirs=pose_directions,
            J_regressor=joint_rows,
            parents=np.array(head.parents),
            weights=torch.cat([head.weights[used], torch.eye(joints, device=device)]).cpu().numpy(),
            landmark_faces=np.arange(len(places)),
            landmark_barycentric=barycentric.cpu().numpy(),
            expression_names=tuple(kept),
            source=f"points of {head.source}",
        )
    )
    return small.to(device, head.v_template.dtype)
