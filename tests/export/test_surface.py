"""Normals are those of trimesh, of one mesh or of many at once."""

import numpy as np
import torch
import trimesh

from clipface.export.surface import vertex_normals
from clipface.head import load_head


def test_our_normals_are_those_of_trimesh():
    head = load_head("open")
    vertices, faces = head(torch.ones(1, 5))[0].double().numpy(), head.faces.numpy()
    wanted = trimesh.Trimesh(vertices, faces, process=False).vertex_normals
    both = vertex_normals(np.stack([vertices, 2 * vertices]), faces)
    used = np.unique(faces)
    np.testing.assert_allclose(both[0][used], wanted[used], atol=1e-6)
    np.testing.assert_allclose(both[1][used], wanted[used], atol=1e-6)
    alone = vertex_normals(np.zeros((4, 3)), np.zeros((1, 3), int))
    np.testing.assert_array_equal(np.linalg.norm(alone, axis=1), 1)
