"""Motion of a head as weights of shapes: what glTF calls morph targets, others blend shapes or shape keys."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from clipface.export.head_sequence import HeadSequence, vertex_turns
from clipface.export.surface import vertex_normals
from clipface.head import HeadModel
from clipface.head.model import rotation_matrices

# A shape that never moves a vertex this far (metres) in the whole sequence is left out; a hundred of them would all
# have to push one way to reach a tenth of a millimetre.
NEGLIGIBLE = 1e-6
MOST_FRAMES = 200  # that normals are fitted to, evenly spread; more change nothing visible
RIDGE = 1e-3  # of normals' fit, in mean squared weights; keeps targets that always move together apart
CHUNK = 512  # vertices whose normals are fitted at once: 512 x 100 x 100 numbers for 100 targets


class MorphTarget(NamedTuple):
    """One shape, and how much of it there is in each frame."""

    name: str
    offsets: np.ndarray  # [V, 3] metres at weight 1
    weights: np.ndarray  # [T]

    @property
    def peak(self) -> float:
        """The weight farthest from zero, with its sign."""
        return float(self.weights[np.abs(self.weights).argmax()])

    @property
    def reach(self) -> np.ndarray:
        """How far each vertex moves at the peak, [V] metres."""
        return abs(self.peak) * np.linalg.norm(self.offsets, axis=1)


def morph_targets(head: HeadModel, sequence: HeadSequence) -> list[MorphTarget]:
    """Return the expression slots that a sequence uses, under the head's names for them, then its pose correctives.

    Correctives are linear in the entries of rotation matrices, so they are morph targets whose weights follow the
    rotations. There are 36 entries, but a motion moves few combinations of them visibly; a singular value
    decomposition of the vertices' movement finds these.
    """
    slots = zip(head.expression_directions.double().cpu(), sequence.expression.T, strict=False)
    targets = [_target(slot_name(head, slot), *pair) for slot, pair in enumerate(slots)]
    targets = [target for target in targets if target.reach.max() > NEGLIGIBLE]
    entries = rotation_matrices(sequence.rotations[:, 1:]) - torch.eye(3, dtype=torch.float64)  # [T, J - 1, 3, 3]
    basis, triangle = torch.linalg.qr(head.pose_directions.double().cpu().T)  # [3 V, K], [K, 36]
    over_time, sizes, over_basis = torch.linalg.svd(entries.flatten(1) @ triangle.T, full_matrices=False)
    count = 0
    for offsets, weights in zip(over_basis @ basis.T, (over_time * sizes).T, strict=True):
        target = _target(f"pose_corrective_{count}", offsets, weights)
        if target.reach.max() > NEGLIGIBLE:  # scaled to a peak of 1, where editing programs' sliders end
            targets.append(_target(target.name, offsets * target.peak, weights / target.peak))
            count += 1
    return targets


def slot_name(head: HeadModel, slot: int) -> str:
    """The head's name for an expression slot, or its number where it has none."""
    return head.expression_names[slot] if slot < len(head.expression_names) else f"expression_{slot}"


def normal_offsets(
    head: HeadModel, sequence: HeadSequence, faces: np.ndarray, targets: list[MorphTarget]
) -> list[np.ndarray]:
    """Fit what each target adds to the normals at weight 1, [V, 3], so that frames get the normals that they have.

    Viewers add these to the normals at rest, as they add offsets to vertices, and turn the sum by the skin. Real
    normals are not linear, and a skin does not turn them right where its weights change; offsets taken from each
    target alone leave lips that smile and open wide 80 degrees wrong. So they are fitted to the sequence, by least
    squares, each target where it moves the surface.
    """
    if not targets:
        return []
    peaks = np.array([target.peak for target in targets])
    weights = np.stack([target.weights for target in targets], 1) / peaks  # [T, M]
    rest = vertex_normals(sequence.rest(head).numpy(), faces)
    frames = np.unique(np.linspace(0, len(weights) - 1, min(len(weights), MOST_FRAMES)).round().astype(int))
    fitted = np.zeros((len(rest), len(targets), 3))
    for frame in frames:
        normals = vertex_normals(sequence.vertices(head, frame).numpy(), faces)
        unturned = np.linalg.solve(vertex_turns(head, sequence, frame).numpy(), normals[..., None])[..., 0]
        unturned /= np.linalg.norm(unturned, axis=1, keepdims=True)
        fitted += weights[frame][:, None] * (unturned - rest)[:, None]
    squares = weights[frames].T @ weights[frames] + RIDGE * len(frames) * np.eye(len(targets))
    used = np.stack([_surroundings(target, faces) for target in targets], 1).astype(float)  # [V, M]
    for start in range(0, len(fitted), CHUNK):
        part = slice(start, start + CHUNK)
        both = squares * used[part, :, None] * used[part, None] + (1 - used[part, :, None]) * np.eye(len(targets))
        fitted[part] = np.linalg.solve(both, fitted[part] * used[part, :, None])
    return list((fitted / peaks[:, None]).swapaxes(0, 1))


def _target(name: str, offsets: Tensor, weights: Tensor) -> MorphTarget:
    return MorphTarget(name, offsets.numpy().reshape(-1, 3), weights.numpy())


def _surroundings(target: MorphTarget, faces: np.ndarray) -> np.ndarray:
    """Vertices [V] of triangles that the target moves."""
    moved = target.reach > NEGLIGIBLE
    mask = np.zeros(len(moved), bool)
    mask[faces[moved[faces].any(axis=1)]] = True
    return mask
