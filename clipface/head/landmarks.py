"""Points fixed to the surface of a mesh."""

from torch import Tensor


def points_on_faces(vertices: Tensor, corners: Tensor, barycentric: Tensor) -> Tensor:
    """Return points given by a face and barycentric coordinates in it.

    Args:
        vertices: [B, V, 3].
        corners: [L, 3] int64 vertex indices of the face of each point.
        barycentric: [L, 3] weights of the corners.

    Returns:
        [B, L, 3].

    Gradient: through `vertices` and `barycentric`.
    """
    return (vertices[:, corners] * barycentric.to(vertices.dtype)[:, :, None]).sum(dim=2)
