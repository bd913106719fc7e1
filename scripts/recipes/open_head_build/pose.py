"""Five joints as in FLAME: skinning weights, joint regressor and pose-corrective directions."""

import numpy as np
from scipy.optimize import nnls

from .geometry import Cut
from .source import bone_weights

ROOT, NECK, JAW, LEFT, RIGHT = range(5)
PARENTS = np.array([-1, 0, 1, 1, 1])
ROOT_SHARE = {"neck01": 0.9, "neck02": 0.45}  # of a neck bone's weight that stays with the trunk
NECK_CUBE, HEAD_CUBE = slice(14534, 14542), slice(14070, 14078)  # MakeHuman's joint markers on the body
NECK_HEIGHT = 0.4  # of the way from the neck's base to the skull's base
REGRESSOR_RADIUS, REGRESSOR_RIDGE = 0.07, 3e-4
LID_FOLLOW = 0.6  # of eyeLookDown: at full strength the lids fall faster than the iris
STEPS = np.linspace(-1, 1, 9)


def skinning_weights(cut: Cut, count: int) -> np.ndarray:
    """Weights `[V, 5]`, rows sum to one: root, neck (the head), jaw and rigid eyeballs."""
    bones, parents = bone_weights(count)

    def below(bone: str, ancestor: str) -> bool:
        return bone == ancestor or (parents.get(bone, "") != "" and below(parents[bone], ancestor))

    body = np.zeros((count, 5))
    for bone, weight in bones.items():
        if below(bone, "jaw"):
            body[:, JAW] += weight
        elif bone in ROOT_SHARE:
            body[:, ROOT] += weight * ROOT_SHARE[bone]
            body[:, NECK] += weight * (1 - ROOT_SHARE[bone])
        else:
            body[:, NECK if below(bone, "neck03") else ROOT] += weight
    weights = cut.operator @ body
    for name, joint in (("left_eye", LEFT), ("right_eye", RIGHT)):
        weights[cut.vertices_of(name)] = np.eye(5)[joint]
    weights[cut.vertices_of("upper_teeth")] = np.eye(5)[NECK]
    weights[cut.vertices_of("lower_teeth")] = np.eye(5)[JAW]
    weights = (weights + weights[cut.mirror][:, [ROOT, NECK, JAW, RIGHT, LEFT]]) / 2
    weights = np.clip(weights, 0, None)
    return weights / weights.sum(axis=1, keepdims=True)


def rotation(axis: int, angle: float) -> np.ndarray:
    """Rotation matrix about coordinate axis 0, 1 or 2 by `angle` radians."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    out = np.eye(3)
    out[first, first] = out[second, second] = np.cos(angle)
    out[first, second], out[second, first] = -np.sin(angle), np.sin(angle)
    return out


def rotation_angle(points: np.ndarray, moved: np.ndarray, axis: int) -> float:
    """Angle about a coordinate axis (radians) that best turns `points` into `moved`."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    a, b = points - points.mean(axis=0), moved - moved.mean(axis=0)
    return float(
        np.arctan2(
            (a[:, first] * b[:, second] - a[:, second] * b[:, first]).sum(),
            (a[:, first] * b[:, first] + a[:, second] * b[:, second]).sum(),
        )
    )


def rotation_centre(points: np.ndarray, moved: np.ndarray, axis: int) -> np.ndarray:
    """Centre (0 along the axis) of the turn that best moves `points` to `moved`."""
    turn = rotation(axis, rotation_angle(points, moved, axis))
    keep = [(axis + 1) % 3, (axis + 2) % 3]
    shift = (moved.mean(axis=0) - turn @ points.mean(axis=0))[keep]
    centre = np.zeros(3)
    centre[keep] = np.linalg.solve((np.eye(3) - turn)[np.ix_(keep, keep)], shift)
    return centre


def _convex_row(mean: np.ndarray, used: np.ndarray, point: np.ndarray, ridge: float) -> np.ndarray:
    """Convex weights `[V]` of the `used` vertices that give `point`, as even as `ridge` makes them."""
    system = np.concatenate([(mean[used] - point).T, np.ones((1, len(used))), ridge * np.eye(len(used))])
    solution, _ = nnls(system, np.concatenate([[0, 0, 0, 1.0], np.zeros(len(used))]))
    row = np.zeros(len(mean))
    row[used] = solution / solution.sum()
    return row


def regressor_row(point: np.ndarray, mean: np.ndarray, skin: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Symmetric convex weights `[V]` of nearby skin vertices that give `point` (on the middle plane)."""
    radius = REGRESSOR_RADIUS
    while True:
        row = _convex_row(mean, skin[np.linalg.norm(mean[skin] - point, axis=1) < radius], point, REGRESSOR_RIDGE)
        row = (row + row[mirror]) / 2
        if np.linalg.norm(row @ mean - point) < 1e-3:
            return row
        radius += 0.01


def joint_regressor(cut: Cut, mean: np.ndarray, root: np.ndarray, neck: np.ndarray, jaw: np.ndarray) -> np.ndarray:
    """Regressor `[5, V]`; the eyes' rows average the eyeballs' equators, so they give the centres exactly."""
    skin = cut.vertices_of("skin")
    rows = [regressor_row(point, mean, skin, cut.mirror) for point in (root, neck, jaw)]
    for name in ("left_eye", "right_eye"):
        ball = cut.vertices_of(name)
        centre = (mean[ball].min(axis=0) + mean[ball].max(axis=0)) / 2
        rows.append(_convex_row(mean, ball, centre, 1e-3))
    rows[RIGHT] = rows[LEFT][cut.mirror]
    return np.stack(rows)


def _correctives(
    mean: np.ndarray,
    weight: np.ndarray,
    centre: np.ndarray,
    axis: int,
    reach: tuple[float, float],
    shapes: tuple[np.ndarray, np.ndarray | None],
) -> tuple[np.ndarray, np.ndarray]:
    """Offsets per sin(angle) and per 1 - cos(angle) `[V, 3]` that make turning one joint reproduce one or two shapes.

    Args:
        reach: the (positive) angles at which `shapes` (positive side, negative side or None) are fully on.
    """
    basis, offsets = [], []
    for step in STEPS:
        angle = step * reach[int(step < 0)]
        if angle == 0 or shapes[int(step < 0)] is None:
            continue
        turn = rotation(axis, angle)
        target = mean + abs(step) * shapes[int(step < 0)]
        matrices = np.eye(3) + weight[:, None, None] * (turn - np.eye(3))
        moved = weight[:, None] * (centre - turn @ centre)
        offsets.append(np.linalg.solve(matrices, (target - moved)[:, :, None])[:, :, 0] - mean)
        basis.append([np.sin(angle), 1 - np.cos(angle)])
    solution = np.linalg.lstsq(np.array(basis), np.array(offsets).reshape(len(basis), -1), rcond=None)[0]
    return solution[0].reshape(mean.shape), solution[1].reshape(mean.shape)


def _as_features(about_x: tuple[np.ndarray, np.ndarray], about_y: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Directions `[V, 3, 9]` of the nine entries of R - I, given what turns about x and y should do.

    The diagonal is chosen so that a turn about z adds nothing: entries 0 and 4 cancel.
    """
    out = np.zeros((*about_x[0].shape, 9))
    out[..., 7], out[..., 5] = about_x[0] / 2, -about_x[0] / 2
    out[..., 2], out[..., 6] = about_y[0] / 2, -about_y[0] / 2
    even_x, even_y = -about_x[1], -about_y[1]  # the entries are cos - 1, not 1 - cos
    out[..., 8] = (even_x + even_y) / 2
    out[..., 0], out[..., 4] = (even_y - even_x) / 2, (even_x - even_y) / 2
    return out


def pose_directions(
    cut: Cut, mean: np.ndarray, weights: np.ndarray, joints: np.ndarray, shape_of: dict[str, np.ndarray]
) -> np.ndarray:
    """Pose-corrective directions `[V, 3, 36]`: the jaw follows jawOpen/Left/Right, lids follow the gaze."""
    out = np.zeros((len(mean), 3, 4, 9))
    zero = np.zeros_like(mean)
    teeth = cut.vertices_of("lower_teeth")

    def angle_of(name: str, points: np.ndarray, axis: int) -> float:
        return abs(rotation_angle(mean[points], (mean + shape_of[name])[points], axis))

    opened = angle_of("jawOpen", teeth, 0)
    # jawLeft only shifts the teeth: the turn is the one that shifts them as far.
    lever = mean[teeth, 2].mean() - joints[JAW, 2]
    sideways = float(np.arcsin(np.abs(shape_of["jawLeft"][teeth, 0].mean()) / lever))
    jaw_open = _correctives(mean, weights[:, JAW], joints[JAW], 0, (opened, opened), (shape_of["jawOpen"], None))
    jaw_side = _correctives(
        mean, weights[:, JAW], joints[JAW], 1, (sideways, sideways), (shape_of["jawLeft"], shape_of["jawRight"])
    )
    out[:, :, JAW - 1] = _as_features(jaw_open, jaw_side)
    eyeballs = ((LEFT, "Left", "left_eye", ("Out", "In")), (RIGHT, "Right", "right_eye", ("In", "Out")))
    for joint, side, ball, across in eyeballs:
        points = cut.vertices_of(ball)
        names = [f"eyeLook{way}{side}" for way in ("Down", "Up", *across)]
        reach = [angle_of(name, points, axis) for name, axis in zip(names, (0, 0, 1, 1), strict=True)]
        follow = [shape_of[name] * (LID_FOLLOW if "Down" in name else 1.0) for name in names]
        for shape in follow:
            shape[cut.vertices_of("left_eye", "right_eye")] = 0
        pairs = [
            _correctives(
                mean,
                np.zeros(len(mean)),
                zero[0],
                axis,
                tuple(reach[2 * axis : 2 * axis + 2]),
                (follow[2 * axis], follow[2 * axis + 1]),
            )
            for axis in (0, 1)
        ]
        out[:, :, joint - 1] = _as_features(*pairs)
    return out.reshape(len(mean), 3, 36)
