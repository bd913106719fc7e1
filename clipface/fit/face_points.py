"""Which of MediaPipe's face points are fitted, what they are called, and the shipped numbers about them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from clipface import assets
from clipface.arrays import read_arrays

# The person's right half, which is the image's left, and the middle; the other half is its mirror image.
HALVES: dict[str, tuple[int, ...]] = {
    "eyes": (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    "brows": (70, 63, 105, 66, 107, 46, 53, 52, 65, 55),
    "nose": (168, 6, 197, 195, 5, 4, 1, 19, 94, 2, 193, 122, 196, 3, 51, 45, 44, 174, 236, 198, 134, 220, 115, 131, 48,
             64, 98, 97),
    "outer lips": (61, 185, 40, 39, 37, 0, 146, 91, 181, 84, 17),
    "inner lips": (78, 191, 80, 81, 82, 13, 95, 88, 178, 87, 14),
    "cheeks": (118, 101, 50, 36, 205, 203, 206, 187, 147, 123, 116, 207, 216, 214, 192, 164, 165),
    "chin": (18, 200, 199, 175, 83, 182, 194, 32, 211, 208),
    "forehead": (9, 151, 8, 108, 69, 104, 10, 109, 67, 103, 54, 21),
    "contour": (162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152),
    "irises": (468,),
}  # fmt: skip
OUTER_EYE_CORNERS = (33, 263)  # errors are given over the distance between them

KEYS = ("mirror", "places", "landmarks", "faces", "barycentric", "topology", "shape_mean", "shape_covariance")

KINDS = {"mirror": "i", "faces": "i", "topology": "U"}  # of each array's numbers; the others' are floating
WIDE = {"f": np.float64, "i": np.int64}  # what the kinds of numbers are read as


class FacePoints(NamedTuple):
    """The shipped numbers.

    `numbers` [N] MediaPipe's numbers of the points fitted; `regions` N names of the parts of the face they lie in;
    `mirror` [N], the place in this list of each point's mirror image; `mirror_face` [478], the number of each of
    MediaPipe's points' mirror image; `places` [N, 3], metres, where they lie in space on a reference face, the open
    head, and `landmarks` [17 or more + 51, 3] iBUG's landmarks there: the outline from ear to ear, then the inner 51;
    `faces` [N] and `barycentric` [N, 3], where the points lie on the open head's triangles; `topology` the checksum of
    those; `shape_mean` [S] and `shape_covariance` [S, S] of the open head's identity coefficients over real people.
    """

    numbers: np.ndarray
    regions: tuple[str, ...]
    mirror: np.ndarray
    mirror_face: np.ndarray
    places: np.ndarray
    landmarks: np.ndarray
    faces: np.ndarray
    barycentric: np.ndarray
    topology: str
    shape_mean: np.ndarray
    shape_covariance: np.ndarray

    def save(self, path: Path) -> None:
        """Write what `read_face_points` reads."""
        np.savez_compressed(
            path,
            mirror=self.mirror_face.astype(np.int16), places=self.places.astype(np.float32),
            landmarks=self.landmarks.astype(np.float32),
            faces=self.faces.astype(np.int32), barycentric=self.barycentric.astype(np.float32),
            topology=np.array(self.topology), shape_mean=self.shape_mean.astype(np.float32),
            shape_covariance=self.shape_covariance.astype(np.float32),
        )  # fmt: skip


def point_lists(mirror_face: np.ndarray) -> tuple[np.ndarray, tuple[str, ...], np.ndarray]:
    """List the points fitted.

    Args:
        mirror_face: [478] number of each point's mirror image.

    Returns:
        Numbers [N], regions (N names) and mirror images as places in that list [N].
    """
    numbers, regions = [], []
    for region, half in HALVES.items():
        both = [*half, *(int(mirror_face[number]) for number in half if mirror_face[number] != number)]
        numbers += both
        regions += [region] * len(both)
    place = {number: row for row, number in enumerate(numbers)}
    mirror = np.array([place[int(mirror_face[number])] for number in numbers])
    return np.array(numbers), tuple(regions), mirror


def read_face_points(path: str | Path | None = None) -> FacePoints:
    """Read the shipped numbers, made by scripts/recipes/build_correspondence.py.

    Args:
        path: another file of that kind; left out, the shipped one.

    Raises:
        FileNotFoundError: if the file is missing; says how to get it.
        ValueError: if it is cut off, lacks an array, or its arrays disagree.
    """
    path = Path(path or assets.resolve("face_points"))
    found = read_arrays(path, "face points", KEYS, "build it again")
    for name, array in found.items():
        if array.dtype.kind != KINDS.get(name, "f"):
            raise ValueError(f"face points: {path}: {name}: expected type {KINDS.get(name, 'f')}, got {array.dtype}")
    arrays = {name: array.astype(WIDE.get(array.dtype.kind, str)) for name, array in found.items()}
    faces = arrays["mirror"]
    if faces.ndim != 1 or not len(faces) or max(map(max, HALVES.values())) >= len(faces) or not _inside(faces, faces):
        raise ValueError(f"face points: {path}: mirror: expected the numbers of points, got shape {faces.shape}")
    numbers, regions, mirror = point_lists(faces)
    count, kept = len(numbers), arrays["shape_mean"].size
    shapes = {
        "shape_mean": (kept,),
        "topology": (),
        "places": (count, 3),
        "faces": (count,),
        "barycentric": (count, 3),
        "shape_covariance": (kept, kept),
    }
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise ValueError(f"face points: {path}: {name}: expected shape {shape}, got {arrays[name].shape}")
    mirror_face, topology = arrays.pop("mirror"), str(arrays.pop("topology"))
    return FacePoints(numbers, regions, mirror, mirror_face, topology=topology, **arrays)


def _inside(numbers: np.ndarray, points: np.ndarray) -> bool:
    return bool((numbers >= 0).all() and (numbers < len(points)).all())
