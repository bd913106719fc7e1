"""What a head file holds, as arrays, whichever file it came from."""

from dataclasses import dataclass, field, fields

import numpy as np

JOINTS = ("root", "neck", "jaw", "left_eye", "right_eye")
# FLAME 2020 keeps 300 identity directions, then the expression ones, in one array; the file does not say so.
IDENTITY_COUNT = 300
UNSIGNED_ROOT = 2**32 - 1
SUM_TOLERANCE = 1e-2  # skinning weights stored as float16 sum to one within a few 1e-3
RIDGE = 1e-2  # of the mean variance, added to a covariance of expressions before it is inverted


@dataclass
class HeadData:
    """Arrays of a morphable head with V vertices, F faces and J = 5 joints (`JOINTS`).

    Head frame: metres, y up, z towards the viewer, x to the image's right. Texture coordinates have v up, as in OBJ
    files.
    """

    v_template: np.ndarray  # [V, 3]
    faces: np.ndarray  # [F, 3] vertex indices
    shapedirs: np.ndarray  # [V, 3, S] metres for one standard deviation
    expression_dirs: np.ndarray  # [V, 3, E]
    posedirs: np.ndarray  # [V, 3, 9 (J - 1)], multiplied by rotation matrix - identity of each joint but the root
    J_regressor: np.ndarray  # [J, V]
    parents: np.ndarray  # [J], -1 for the root
    weights: np.ndarray  # [V, J], rows sum to one
    uv: np.ndarray | None = None  # [Vt, 2] in 0..1
    uv_faces: np.ndarray | None = None  # [F, 3] indices into uv
    landmark_faces: np.ndarray | None = None  # [L] face indices
    landmark_barycentric: np.ndarray | None = None  # [L, 3]
    regions: dict[str, np.ndarray] = field(default_factory=dict)  # name -> vertex indices
    expression_names: tuple[str, ...] = ()  # of the first slots; slots past them do nothing
    expression_covariance: np.ndarray | None = None  # [E, E]; None where the file has none
    source: str = "head"  # named in error messages
    # Whether it has another UV map than the first files made for it: those that name none are of the former one.
    uv_map_changed: bool = False

    def check(self) -> "HeadData":
        """Check that all arrays agree with each other, and return self.

        Raises:
            ValueError: naming the array, what was expected and what it got.
        """
        self._shape("v_template", (None, 3))
        self._shape("f", (None, 3), self.faces)
        vertices, faces, joints = len(self.v_template), len(self.faces), len(JOINTS)
        self._shape("shapedirs", (vertices, 3, None))
        self._shape("expression_dirs", (vertices, 3, None))
        expressions = self.expression_dirs.shape[-1]
        self._shape("posedirs", (vertices, 3, 9 * (joints - 1)))
        self._shape("J_regressor", (joints, vertices))
        self._shape("weights", (vertices, joints))
        for name in ("v_template", "shapedirs", "expression_dirs", "posedirs", "J_regressor", "weights"):
            self._finite(name)
        self._indices("f", self.faces, vertices)
        self._check_skeleton(joints)
        if self.uv is not None:
            self._shape("vt", (None, 2), self.uv)
            self._finite("vt", self.uv)
            self._shape("ft", (faces, 3), self.uv_faces)
            self._indices("ft", self.uv_faces, len(self.uv))
        if self.landmark_faces is not None:
            self._shape("landmark_faces", (None,))
            self._indices("landmark_faces", self.landmark_faces, faces)
            self._shape("landmark_barycentric", (len(self.landmark_faces), 3))
            self._finite("landmark_barycentric")
        for name, indices in self.regions.items():
            self._shape(f"region {name}", (None,), indices)
            self._indices(f"region {name}", indices, vertices)
        if self.expression_covariance is not None:
            self._shape("expression_covariance", (expressions, expressions))
            self._finite("expression_covariance")
        if len(self.expression_names) > expressions:
            self._refuse("expression_names", f"at most {expressions} names", f"{len(self.expression_names)}")
        return self

    def floats(self, dtype: type = np.float32) -> "HeadData":
        """Return a copy whose floating arrays have one precision, in which they must be finite."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        for name, value in values.items():
            if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                with np.errstate(over="ignore"):
                    values[name] = np.ascontiguousarray(value, dtype=dtype)
                self._finite(name, values[name])
        return HeadData(**values)

    @staticmethod
    def parents_of(kintree_table: np.ndarray) -> np.ndarray:
        """Return [J] parents, -1 for the root, from a table whose first row has them; some files write -1 unsigned."""
        if kintree_table.ndim != 2 or not len(kintree_table):
            return np.empty(0, np.int64)  # `check` names it
        parents = kintree_table[0].astype(np.int64)
        return np.where(parents == UNSIGNED_ROOT, -1, parents)

    def _check_skeleton(self, joints: int) -> None:
        self._shape("kintree_table", (joints,), self.parents)
        parents = self.parents.tolist()
        if parents[0] != -1 or any(not 0 <= parent < joint for joint, parent in enumerate(parents) if joint):
            self._refuse("kintree_table", "-1 for the root and, for each other joint, a joint before it", str(parents))
        worst = float(np.abs(self.weights.sum(axis=1, dtype=np.float64) - 1).max())
        if worst > SUM_TOLERANCE or self.weights.min() < -SUM_TOLERANCE:
            self._refuse("weights", "rows of non-negative numbers that sum to 1", f"a row that is off by {worst:.3g}")

    def _shape(self, name: str, shape: tuple[int | None, ...], array: np.ndarray | None = None) -> None:
        array = getattr(self, name) if array is None else array
        fits = array.ndim == len(shape) and all(w in (None, g) for w, g in zip(shape, array.shape, strict=True))
        if not fits or 0 in array.shape[:1]:
            words = "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
            self._refuse(name, f"shape {words}", f"{tuple(array.shape)}")

    def _finite(self, name: str, array: np.ndarray | None = None) -> None:
        array = getattr(self, name) if array is None else array
        if array.dtype.kind not in "fiu":
            self._refuse(name, "numbers", f"type {array.dtype}")
        bad = int(array.size - np.isfinite(array).sum())
        if bad:
            self._refuse(name, "finite numbers", f"{bad} that are NaN or infinite")

    def _indices(self, name: str, array: np.ndarray, count: int) -> None:
        if array.dtype.kind not in "iu":
            self._refuse(name, "integers", f"type {array.dtype}")
        if array.size and (array.min() < 0 or array.max() >= count):
            self._refuse(name, f"indices from 0 to {count - 1}", f"{array.min()} to {array.max()}")

    def _refuse(self, name: str, expected: str, got: str) -> None:
        why = "the file is damaged or not a head of this layout"
        raise ValueError(f"{self.source}: {name}: expected {expected}, got {got}; {why}")


def precision(covariance: np.ndarray | None, count: int) -> np.ndarray:
    """Inverse [E, E] of a covariance of expressions, see `HeadModel.expression_precision`; of none the identity."""
    if covariance is None:
        return np.eye(count, dtype=np.float32)
    variances = np.diag(covariance).astype(np.float64)
    moving = variances[variances > 0]
    ridge = RIDGE * (moving.mean() if moving.size else 1.0)
    return np.linalg.inv(covariance.astype(np.float64) + ridge * np.eye(count)).astype(np.float32)
