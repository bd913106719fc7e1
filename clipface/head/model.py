"""Head parameters to vertices: blend shapes, pose correctives and linear blend skinning."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from clipface.head.data import HeadData, precision
from clipface.head.landmarks import points_on_faces
from clipface.shapes import expect

SMALL_ANGLE_SQUARED = 1e-4  # below it three Taylor terms are exact to 1e-15


class HeadModel(nn.Module):
    """A morphable head with five joints (root, neck, jaw, left eye, right eye) in FLAME's layout.

    Its constants are non-persistent buffers: they move with `.to()` and are in no checkpoint. Results have the dtype of
    the buffers (float32; `.double()` for float64), also inside autocast, whose half precision would move vertices by
    millimetres.

    Attributes:
        faces: [F, 3] int32 vertex indices.
        uv, uv_faces: [Vt, 2] texture coordinates with v up, and [F, 3] int32 indices into them.
        parents: parent of each joint, -1 for the root.
        expression_names: names of the first expression slots; slots past them do nothing.
        expression_precision: [E, E] inverse covariance of the expression coefficients over plausible expressions. A
            ridge of 1 % of the mean variance is added first, so slots that never move, and pairs that always move
            together, have a finite precision. A file without a covariance (FLAME's coefficients are scaled to unit
            variance) gives the identity.
        n_shape, n_expression: how many coefficients the head has.
        file: where it was read from; None: from no file (`load_head` sets it).
        uv_map_changed: whether files that name no UV map are of another one (`clipface.head.mesh.check_uv_map`).

    Source: Li et al., "Learning a model of facial shape and expression from 4D scans" (2017), section 3; written anew.
    """

    def __init__(self, data: HeadData):
        super().__init__()
        data = data.check().floats()
        self.source, self.uv_map_changed = data.source, data.uv_map_changed
        self.file: Path | None = None
        self.n_shape, self.n_expression = data.shapedirs.shape[-1], data.expression_dirs.shape[-1]
        self.parents = tuple(int(parent) for parent in data.parents)
        self.expression_names = tuple(data.expression_names)
        self._constant("v_template", data.v_template)
        self._constant("faces", data.faces.astype(np.int32))
        # One row a coefficient, [n, 3 V], so the first k coefficients are one contiguous matrix.
        self._constant("shape_directions", _rows(data.shapedirs))
        self._constant("expression_directions", _rows(data.expression_dirs))
        self._constant("pose_directions", _rows(data.posedirs))
        self._constant("joint_regressor", data.J_regressor)
        self._constant("weights", data.weights)
        self._constant("expression_precision", precision(data.expression_covariance, self.n_expression))
        self._constant("_uv", data.uv)
        self._constant("_uv_faces", None if data.uv is None else data.uv_faces.astype(np.int32))
        corners = None if data.landmark_faces is None else data.faces[data.landmark_faces].astype(np.int64)
        self._constant("_landmark_corners", corners)
        self._constant("_landmark_barycentric", data.landmark_barycentric)
        self._region_names = tuple(data.regions)
        masks = np.zeros((len(data.regions), len(data.v_template)), dtype=bool)
        for row, indices in zip(masks, data.regions.values(), strict=True):
            row[indices] = True
        self._constant("_region_masks", masks)

    def _constant(self, name: str, array: np.ndarray | None) -> None:
        self.register_buffer(name, None if array is None else torch.from_numpy(np.array(array)), persistent=False)

    def forward(
        self,
        shape: Tensor | None = None,
        expression: Tensor | None = None,
        pose: Tensor | None = None,
        neck_pose: Tensor | None = None,
        eye_pose: Tensor | None = None,
    ) -> Tensor:
        """Return the vertices of a batch of heads.

        Args:
            shape: [B, <= n_shape] identity coefficients, standard deviations; missing ones are zero.
            expression: [B, <= n_expression] coefficients; missing ones are zero.
            pose: [B, 6] axis-angle of the whole head (3) and the jaw (3), radians.
            neck_pose: [B, 3] axis-angle of the neck, radians.
            eye_pose: [B, 6] axis-angle of the left (3) and right (3) eye, radians.
            An argument left out is zero; one of batch 1 goes with every batch.

        Returns:
            [B, V, 3] vertices in the head frame, metres.

        Raises:
            ValueError: for a wrong shape, more coefficients than the head has, or batch sizes that disagree.

        Gradient: through all arguments, at zero rotation too. NaN is not looked for and goes through.
        """
        batches = {}
        for name, value, size in (("pose", pose, 6), ("neck_pose", neck_pose, 3), ("eye_pose", eye_pose, 6)):
            if value is not None:
                batches[name] = expect(name, value, ("B", size))["B"]
        for name, value, most in (("shape", shape, self.n_shape), ("expression", expression, self.n_expression)):
            if value is not None:
                batches[name] = self._count(name, value, most)
        batch = _common_batch(batches)
        with torch.autocast(self.v_template.device.type, enabled=False):
            offsets = _blend(shape, self.shape_directions) + _blend(expression, self.expression_directions)
            return self._skin(self.v_template.flatten() + offsets, self._rotations(batch, pose, neck_pose, eye_pose))

    def turns(self, pose: Tensor, eye_pose: Tensor) -> Tensor:
        """Return how each joint turns what hangs on it: [B, J, 3, 3], arguments and gradient as in `forward`."""
        return self._chained(self._rotations(len(pose), pose, None, eye_pose))

    def shifts(self, turns: Tensor, joints: Tensor) -> Tensor:
        """Return what each joint adds to a point after its turn [..., J, 3], linear in the joints' places [..., J, 3].

        Gradient: to `turns` [..., J, 3, 3] and to the places.
        """
        places = [joints[..., 0, :]]
        for joint, parent in enumerate(self.parents[1:], start=1):
            bone = joints[..., joint, :] - joints[..., parent, :]
            places.append(places[parent] + _apply(turns[..., parent, :, :], bone))
        return torch.stack(torch.broadcast_tensors(*places), -2) - _apply(turns, joints)

    def landmarks(self, vertices: Tensor) -> Tensor:
        """Return the facial landmarks on the surface.

        Args:
            vertices: [B, V, 3].

        Returns:
            [B, 68, 3] points in the usual order: contour 17, brows 10, nose 9, eyes 12, mouth 20.

        Raises:
            ValueError: if the head has no landmarks, or `vertices` are not of this head.

        Gradient: through `vertices`.
        """
        if not self.has_landmarks:
            raise ValueError(f"{self.source}: this head has no landmarks; put landmark_embedding.npy beside its file")
        expect("vertices", vertices, ("B", len(self.v_template), 3))
        return points_on_faces(vertices, self._landmark_corners, self._landmark_barycentric)

    @property
    def has_landmarks(self) -> bool:
        """Whether `landmarks` can be asked for."""
        return self._landmark_corners is not None

    @property
    def uv(self) -> Tensor:
        """[Vt, 2] texture coordinates in 0..1, v up."""
        return self._textured(self._uv)

    @property
    def uv_faces(self) -> Tensor:
        """[F, 3] int32 indices into `uv`."""
        return self._textured(self._uv_faces)

    @property
    def regions(self) -> dict[str, Tensor]:
        """Region name to a boolean mask [V] over vertices."""
        return dict(zip(self._region_names, self._region_masks, strict=True))

    def _textured(self, value: Tensor | None) -> Tensor:
        if value is None:
            remedy = "put head_template.obj beside its file"
            raise ValueError(f"{self.source}: this head has no texture coordinates; {remedy}")
        return value

    def _count(self, name: str, value: Tensor, most: int) -> int:
        sizes = expect(name, value, ("B", "N"))
        if sizes["N"] > most:
            given = sizes["N"]
            raise ValueError(f"{name}: expected at most the {most} coefficients of {self.source}, got {given}")
        return sizes["B"]

    def _rotations(self, batch: int, pose: Tensor | None, neck_pose: Tensor | None, eye_pose: Tensor | None) -> Tensor:
        def part(value: Tensor | None, start: int, stop: int) -> Tensor:
            if value is None:
                return self.v_template.new_zeros(batch, stop - start)
            return value[:, start:stop].to(self.v_template.dtype).expand(batch, -1)

        angles = [part(pose, 0, 3), part(neck_pose, 0, 3), part(pose, 3, 6), part(eye_pose, 0, 6)]
        return rotation_matrices(torch.cat(angles, dim=1).reshape(batch, len(self.parents), 3))  # [B, J, 3, 3]

    def _skin(self, shaped: Tensor, rotations: Tensor) -> Tensor:
        batch = len(rotations)
        shaped = shaped.reshape(-1, *self.v_template.shape)  # [1 | B, V, 3]
        joints = self.joint_regressor @ shaped  # [1 | B, J, 3]; joints are those of the head before pose correctives
        bent = rotations[:, 1:] - torch.eye(3, dtype=rotations.dtype, device=rotations.device)
        posed = shaped + _blend(bent.reshape(batch, -1), self.pose_directions).reshape(batch, *self.v_template.shape)
        turn = self._chained(rotations)
        shift = self.shifts(turn, joints)  # [B, J, 3]
        moves = torch.cat([turn, shift[..., None]], dim=-1).flatten(2)  # [B, J, 12]
        moves = (self.weights @ moves).unflatten(-1, (3, 4))  # [B, V, 3, 4]
        return _apply(moves[..., :3], posed) + moves[..., 3]

    def _chained(self, rotations: Tensor) -> Tensor:
        turns = [rotations[:, 0]]
        for joint, parent in enumerate(self.parents[1:], start=1):
            turns.append(turns[parent] @ rotations[:, joint])
        return torch.stack(turns, dim=1)  # [B, J, 3, 3]


def rotation_matrices(axis_angle: Tensor) -> Tensor:
    """Turn axis-angle vectors into rotation matrices (Rodrigues' formula).

    Args:
        axis_angle: [..., 3], radians.

    Returns:
        [..., 3, 3].

    Gradient: finite and exact everywhere; a Taylor series takes over near zero, where dividing by the angle would give
    NaN.
    """
    square = axis_angle.square().sum(dim=-1)[..., None, None]
    small = square < SMALL_ANGLE_SQUARED
    angle = torch.where(small, torch.ones_like(square), square).sqrt()
    sine = torch.where(small, 1 - square / 6 + square.square() / 120, angle.sin() / angle)
    # (1 - cos a) / a^2 written with the half angle, which does not cancel in float32
    exact = 0.5 * ((angle / 2).sin() / (angle / 2)).square()
    cosine = torch.where(small, 0.5 - square / 24 + square.square() / 720, exact)
    x, y, z = axis_angle.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(-1, (3, 3))
    return torch.eye(3, dtype=cross.dtype, device=cross.device) + sine * cross + cosine * (cross @ cross)


def _apply(matrices: Tensor, vectors: Tensor) -> Tensor:
    return torch.einsum("...ij,...j->...i", matrices, vectors)


def _blend(coefficients: Tensor | None, directions: Tensor) -> Tensor:
    if coefficients is None:
        return directions.new_zeros(1, directions.shape[1])
    return coefficients.to(directions.dtype) @ directions[: coefficients.shape[1]]


def _rows(directions: np.ndarray) -> np.ndarray:
    return directions.reshape(-1, directions.shape[-1]).T


def _common_batch(batches: dict[str, int]) -> int:
    sizes = set(batches.values()) - {1}
    if len(sizes) > 1:
        words = ", ".join(f"{name} {size}" for name, size in batches.items())
        raise ValueError(f"batch: expected one size (or 1) for all arguments, got {words}")
    return sizes.pop() if sizes else 1
