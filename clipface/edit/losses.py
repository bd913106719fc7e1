"""What an edit is kept from: improbable expressions, and lips that pass through each other."""

from torch import Tensor

UPPER_LIP, LOWER_LIP = [61, 62, 63], [67, 66, 65]  # inner borders, opposite points of the usual 68


def mahalanobis(offset: Tensor, precision: Tensor) -> Tensor:
    """Mean squared Mahalanobis distance of offsets from zero.

    Args:
        offset: [..., D].
        precision: [D, D], the inverse of their covariance.

    Returns:
        A scalar.
    """
    return ((offset @ precision) * offset).sum(-1).mean()


def lip_penetration(landmarks: Tensor) -> Tensor:
    """How far upper lips lie below lower ones.

    Args:
        landmarks: [B, 68, 3], metres, y up.

    Returns:
        Mean over heads and three places, metres; 0 at best. Gradient: none where lips do not cross.
    """
    return (landmarks[:, LOWER_LIP, 1] - landmarks[:, UPPER_LIP, 1]).clamp(min=0).mean()
