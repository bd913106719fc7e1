"""Gradients of random scenes (hypothesis) on Warp against central differences of plain float64 NumPy."""

import numpy as np
import numpy_oracle
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import tangle

from clipface.render.rasterize import backend


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(3, 6),
    size=st.tuples(st.integers(16, 32), st.integers(16, 32)),
    shape=st.sampled_from([(8, 8), (4, 8), (1, 4), (6, 5)]),
    wraps=st.booleans(),
)
def test_gradients(seed, count, size, shape, wraps):
    """To positions, texture coordinates and texture, where the image is differentiable: away from every edge."""
    clip, faces = tangle(count, seed)
    random = np.random.default_rng(seed)
    mesh = numpy_oracle.Mesh(
        clip[0].double().numpy(), random.random((clip.shape[1], 2)) * 2, random.random((*shape, 2))
    )
    seen = numpy_oracle.draw(mesh.clip, faces.numpy(), size)
    covered = seen.clear & (seen.face > 0)
    cotangent = np.where(covered[..., None], random.standard_normal((*size, 2)), 0)
    wanted = numpy_oracle.gradients(mesh, faces.numpy(), seen, wraps, cotangent[covered])
    leaves = [torch.from_numpy(array[None]).float().requires_grad_() for array in mesh]
    boundary = "wrap" if wraps else "clamp"
    warp = backend("warp")
    fragments = warp.rasterize(leaves[0], faces, size)
    at, slopes = warp.interpolate(leaves[1], fragments, faces, derivatives=True)
    verbs = warp.sample(leaves[2], at, slopes, fragments, boundary)
    painted, _ = warp.paint(leaves[0], faces, size, leaves[1][0].detach(), faces, leaves[2], boundary)
    weight = torch.from_numpy(cotangent[None]).float()
    got = torch.autograd.grad(verbs, leaves, weight)
    together = torch.autograd.grad(painted[..., :2], [leaves[0], leaves[2]], weight)
    for a, b in [*zip(got, wanted, strict=True), *zip(together, (wanted.clip, wanted.texture), strict=True)]:
        _assert_alike(a[0].double().numpy().ravel(), b.ravel())


def _assert_alike(got: np.ndarray, wanted: np.ndarray) -> None:
    norm = np.linalg.norm(wanted)
    if norm < 1e-6:  # nothing is seen, or all within a clamped border
        assert np.linalg.norm(got) < 1e-4
    else:
        assert abs(np.linalg.norm(got) / norm - 1) < 0.01
        assert got @ wanted > 0.999 * norm * np.linalg.norm(got)
