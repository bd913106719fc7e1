"""Measure how the shipped face networks differ from MediaPipe, of which they are converted.

pip install mediapipe==0.10.14
python scripts/measure/detection.py --photos my_photos
python scripts/measure/detection.py --photos my_photos --count 48
python scripts/measure/detection.py --photos my_photos --count 48 --seed 1
python scripts/measure/detection.py --photos my_photos --cost 3

MediaPipe 0.10.14 is needed for this alone, so Python 3.12 or older. Both look for faces in photographs as they are,
turned, with several faces side by side, and with a small face in a large image; prints a table: in how many images
both find as many, mean and largest distance of their landmarks in pixels, and of the persons' outlines. With --cost,
prints what each takes for one photograph instead, each in fresh processes.
"""

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from clipface import startup
from clipface.images import read_photograph
from clipface.photos.detection import FaceDetector
from clipface.photos.detection.detector import HINTED
from clipface.photos.detection.single_shot import Detection

# Seconds from the first import on, and what the process has held at most (VmHWM, Linux).
COST = """
import json, sys, time
start = time.perf_counter()
sys.path.insert(0, sys.argv[1])
import detection
finder = getattr(detection, sys.argv[2])()
times = [time.perf_counter() - start]
image = next(detection.images(detection.parse(["--photos", sys.argv[3], "--count", "1"])))[1]
start = time.perf_counter()
finder.faces(image)
times.append(time.perf_counter() - start)
start = time.process_time()
for _ in range(20):
    finder.faces(image)
times.append((time.process_time() - start) / 20)
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([*times, int(peak) / 1024]))
"""
SIDE = 1024  # pixels that photographs are shrunk to
TURNS = (-90, -25, 12, 40, 180)  # degrees
TINY, CANVAS = 150, (1200, 1600)  # sides of a small photograph, and of what it is pasted on


class MediaPipe(FaceDetector):
    """The same search for faces, with MediaPipe's own networks and program."""

    def __init__(self) -> None:
        mediapipe = startup.need("mediapipe", "comparing with MediaPipe needs it: pip install mediapipe==0.10.14")
        self._solutions: Any = mediapipe.solutions
        mesh = self._solutions.face_mesh.FaceMesh(True, 1, True, 0.3)
        self._near, self._far = self._faces(0), self._faces(1)
        self._mesh = lambda window, _: _points(window, mesh.process(window).multi_face_landmarks)
        self._outline = self._solutions.selfie_segmentation.SelfieSegmentation(0)
        self._joints = self._solutions.hands.Hands(True, 2, 0, 0.3)  # the small networks, which are the shipped ones

    def _faces(self, model: int) -> Callable[[np.ndarray, float], list[Detection]]:
        network = self._solutions.face_detection.FaceDetection(model_selection=model)  # its least score is its own

        def find(image: np.ndarray, least: float) -> list[Detection]:
            if least == HINTED:  # before the mesh, which looks for the face itself
                return [Detection(np.zeros(4), np.zeros((0, 2)), 1.0)]
            size = image.shape[1::-1]
            found = []
            for one in network.process(image).detections or []:
                box = one.location_data.relative_bounding_box
                corners = np.array([[box.xmin, box.ymin], [box.xmin + box.width, box.ymin + box.height]]) * size
                points = np.array([[point.x, point.y] for point in one.location_data.relative_keypoints]) * size
                found.append(Detection(corners.reshape(4), points, one.score[0]))
            return found

        return find

    def person(self, image: np.ndarray) -> np.ndarray:
        return self._outline.process(image).segmentation_mask.clip(0, 1)

    def hands(self, image: np.ndarray) -> list[np.ndarray]:
        found = self._joints.process(image).multi_hand_landmarks or []
        return [_points(image, [hand])[:, :2] for hand in found]


def _points(image: np.ndarray, found: Sequence[Any] | None) -> np.ndarray | None:
    if not found:
        return None
    height, width = image.shape[:2]
    return np.array([(p.x * width, p.y * height, p.z * width) for p in found[0].landmark], np.float32)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder of photographs, with folders in it")
    parser.add_argument("--count", type=int, default=60, help="of photographs, sampled")
    parser.add_argument("--cost", type=int, default=0, help="measure times and memory, the least of so many processes")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    return parser.parse_args(arguments)


def images(options: argparse.Namespace) -> Iterator[tuple[str, np.ndarray]]:
    """Kinds of images and the images [H, W, 3] uint8."""
    files = sorted(path for path in options.photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    photos = []
    for path in random.Random(options.seed).sample(files, min(options.count, len(files))):
        photo = Image.fromarray(np.asarray(read_photograph(path).image)[..., :3])
        photo.thumbnail((SIDE, SIDE))
        photos.append(photo)
        yield "as they are", np.array(photo)
    for number, photo in enumerate(photos[::2]):
        yield "turned", np.array(photo.rotate(TURNS[number % len(TURNS)], Image.Resampling.BICUBIC, expand=True))
    for first, second, third in zip(photos[::3], photos[1::3], photos[2::3], strict=False):
        together = Image.new("RGB", (1500, 700), "grey")
        for photo, side, left in ((first, 700, 0), (second, 420, 740), (third, 250, 1200)):
            together.paste(photo.resize((side, side * photo.height // photo.width)), (left, 40))
        yield "three together", np.array(together)
    for photo in photos[::4]:
        far = Image.new("RGB", CANVAS[::-1], "grey")
        small = photo.copy()
        small.thumbnail((TINY, TINY))
        far.paste(small, (700, 500))
        yield "small in a large image", np.array(far)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    if options.cost:
        print_cost(options)
        return
    startup.announce(f"Compare both on {options.count} photographs in {options.photos}")
    ours, theirs = FaceDetector(), MediaPipe()
    rows: dict[str, list[list[Any]]] = {}
    for kind, image in images(options):
        rows.setdefault(kind, []).append(compare(ours, theirs, image))
    columns = (
        "images",
        "as many faces",
        "faces",
        "x, y: mean, largest",
        "z",
        "boxes",
        "outline",
        "as many hands",
        "joints",
    )
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for kind, found in rows.items():
        print(_row(kind, found))


def print_cost(options: argparse.Namespace) -> None:
    """Print a table of what both take for one photograph."""
    startup.announce(f"What both take for a photograph in {options.photos}, the least of {options.cost} processes each")
    columns = []
    for finder in ("MediaPipe", "FaceDetector"):
        command = [sys.executable, "-c", COST, str(Path(__file__).parent), finder, str(options.photos)]
        runs = [
            subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
            for _ in range(options.cost)
        ]
        columns.append(np.min([json.loads(run) for run in runs], 0))
    print("| a photograph, one face | MediaPipe | these |")
    print("|---|---|---|")
    rows = ("import and make, s", "the first `faces()`, s", "each further `faces()`, CPU time, s", "peak memory, MiB")
    for what, first, second in zip(rows, *columns, strict=True):
        print(f"| {what} | {first:.3g} | {second:.3g} |")


def compare(ours: FaceDetector, theirs: FaceDetector, image: np.ndarray) -> list[Any]:
    """Of one image: pairs of numbers of faces, differences of landmarks [F, 478, 3], of boxes, outlines and joints."""
    first, second = ours.faces(image), theirs.faces(image)
    faces = _pairs(first, second)
    boxes = _pairs([np.array([box]) for box in ours.boxes(image)], [np.array([box]) for box in theirs.boxes(image)])
    outline = float(np.abs(ours.person(image) - theirs.person(image)).mean())
    hands = ours.hands(image), theirs.hands(image)
    return [(len(first), len(second)), faces, boxes, outline, tuple(map(len, hands)), _pairs(*hands)]


def _pairs(first: list[np.ndarray], second: list[np.ndarray]) -> list[np.ndarray]:
    """Absolute differences of what both found."""
    shorter, longer = sorted((first, second), key=len)
    return [min((np.abs(one - other) for other in longer), key=np.mean) for one in shorter]


def _row(kind: str, found: list[list[Any]]) -> str:
    counts, faces, boxes, outlines, hands, joints = zip(*found, strict=True)
    landmarks = np.array([face for several in faces for face in several]).reshape(-1, 478, 3)
    return (
        f"| {len(found)} {kind} | {sum(a == b for a, b in counts)} of {len(found)} | {len(landmarks)} "
        f"| {_summary(landmarks[..., :2])} | {_summary(landmarks[..., 2])} "
        f"| {_summary(np.array([face for several in boxes for face in several]))} | {np.mean(outlines):.1e} "
        f"| {sum(a == b for a, b in hands)} of {len(hands)}, {sum(b for _, b in hands)} hands "
        f"| {_summary(np.array([hand for several in joints for hand in several]))} |"
    )


def _summary(differences: np.ndarray) -> str:
    return f"{differences.mean():.3f}, {differences.max():.2f}" if differences.size else "–"


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
