"""How points of a head move in the image with its identity and its expression, which they are linear in."""

import torch
from torch import Tensor

from clipface.head import HeadModel
from clipface.head.landmarks import points_on_faces


class PointSlopes:
    """Slopes of points of one head by its coefficients; made once.

    Points move as if their triangle's corners had the mean of their skinning weights, which differs from what they do
    by less than it takes to choose a step.

    Args:
        head: the head.
        corners: [P, 3] int64, vertices of each point's triangle.
        barycentric: [P, 3] their weights.
        n_shape: how many identity coefficients count, the first ones.
        expressions: [E'] int64, which expression coefficients count.
    """

    def __init__(
        self, head: HeadModel, corners: Tensor, barycentric: Tensor, n_shape: int, expressions: Tensor
    ) -> None:
        self.head = head
        directions = torch.cat([head.shape_directions[:n_shape], head.expression_directions[expressions]])
        directions = directions.unflatten(1, (-1, 3))  # [n, V, 3]
        self.joints = head.joint_regressor @ directions  # [n, J, 3]
        self.points = points_on_faces(directions, corners, barycentric).permute(1, 2, 0).contiguous()  # [P, 3, n]
        self.weights = points_on_faces(head.weights[None], corners, barycentric)[0]  # [P, J]

    def __call__(self, turns: Tensor, numbers: Tensor) -> Tensor:
        """Give slopes.

        Args:
            turns: [B, J, 3, 3] of the joints, from `HeadModel.turns`.
            numbers: [B, N] int64, which points.

        Returns:
            [B, N, 2, n] metres of x and y in the head frame.
        """
        weights = self.weights[numbers]  # [B, N, J]
        turn = (weights @ turns.flatten(2)).unflatten(2, (3, 3))[:, :, :2]
        shifts = self.head.shifts(turns[:, None], self.joints)[..., :2]  # [B, n, J, 2]
        hung = weights @ shifts.permute(0, 2, 3, 1).flatten(2)  # [B, N, 2 n]
        return turn @ self.points[numbers] + hung.unflatten(2, (2, -1))
