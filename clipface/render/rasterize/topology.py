"""The edges of a mesh: what lies beyond each."""

from typing import NamedTuple

import torch
from torch import Tensor


class Topology(NamedTuple):
    """What lies beyond each edge of each triangle [F, 3], int32, or -1: a vertex, and a triangle."""

    vertices: Tensor
    triangles: Tensor

    @classmethod
    def of(cls, faces: Tensor) -> "Topology":
        """The topology of faces [F, 3], int32."""
        return cls(opposite_vertices(faces), neighbours(faces))


def opposite_vertices(faces: Tensor) -> Tensor:
    """For each triangle and each of its edges (the one opposite vertex 0, 1, 2), the vertex beyond that edge.

    Args:
        faces: [F, 3], int32.

    Returns:
        [F, 3], int32: the third vertex of the other triangle on the edge, or -1 on a border.
    """
    return _beyond(faces, faces.long().reshape(-1))


def neighbours(faces: Tensor) -> Tensor:
    """For each triangle and each of its edges, in the same order, the triangle beyond it.

    Args:
        faces: [F, 3], int32.

    Returns:
        [F, 3], int32: the other triangle on the edge, or -1 on a border.
    """
    return _beyond(faces, torch.arange(len(faces), device=faces.device).repeat_interleave(3))


def _beyond(faces: Tensor, own: Tensor) -> Tensor:
    """What the other triangle has of `own` [3 F], one number an edge; -1 where there is no other triangle."""
    a, b = faces.long().roll(-1, 1).reshape(-1), faces.long().roll(-2, 1).reshape(-1)
    edge = torch.minimum(a, b) * (faces.max().long() + 1 if len(faces) else 1) + torch.maximum(a, b)
    order = torch.argsort(edge, stable=True)
    edge, tip = edge[order], own[order]
    beyond = torch.full_like(tip, -1)
    same = edge[1:] == edge[:-1]
    beyond[1:] = torch.where(same, tip[:-1], -1)
    beyond[:-1] = torch.where(same, tip[1:], beyond[:-1])
    out = torch.empty_like(beyond)
    out[order] = beyond
    return out.reshape(-1, 3).int()
