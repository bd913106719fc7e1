"""Write the networks of `clipface.photos.detection` from MediaPipe's wheel, whose files are TFLite's, as ONNX.

pip download --no-deps --python-version 3.11 --only-binary=:all: mediapipe==0.10.14
pip install tflite "onnx>=1.16"
python scripts/recipes/convert_mediapipe.py --wheel mediapipe-0.10.14-*.whl --out data/detection
python scripts/recipes/convert_mediapipe.py --wheel unpacked_wheel --out data/detection
python scripts/recipes/convert_mediapipe.py --wheel .venv/lib/python3.11/site-packages --out data/detection

Only what is read later is kept of each network's outputs. Half-precision weights stay so, sparse ones are filled up
with zeros, and three operators that MediaPipe adds to TFLite become standard ones.
"""

import argparse
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from clipface.files import write_atomic
from clipface.startup import need

MODULES = "mediapipe/modules"  # folder of the networks, in the wheel and where it is installed
REMEDY = 'converting MediaPipe needs the packages tflite and onnx: pip install tflite "onnx>=1.16"'


class Source(NamedTuple):
    """A network: its file in the wheel, what it is called here, and names for its outputs by their place there."""

    file: str
    name: str
    outputs: dict[int, str]


_DETECTOR = {0: "boxes", 1: "scores"}
SOURCES = (
    Source("face_detection/face_detection_short_range.tflite", "faces_near", _DETECTOR),
    Source("face_detection/face_detection_full_range_sparse.tflite", "faces_far", _DETECTOR),
    Source("face_landmark/face_landmark_with_attention.tflite", "face_landmarks", {6: "presence"}),
    Source("selfie_segmentation/selfie_segmentation.tflite", "person_mask", {0: "mask"}),
    Source("palm_detection/palm_detection_lite.tflite", "palms", _DETECTOR),
    Source("hand_landmark/hand_landmark_lite.tflite", "hand_landmarks", {0: "points", 1: "presence"}),
)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    one = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    one.add_argument("--wheel", type=Path, required=True, help="MediaPipe's wheel, or the folder it is unpacked in")
    one.add_argument("--out", type=Path, required=True, help="folder for the ONNX files")
    return one.parse_args(arguments)


def read(wheel: Path, file: str) -> bytes:
    """A file below MediaPipe's `modules`."""
    if wheel.is_dir():
        return (wheel / MODULES / file).read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(f"{MODULES}/{file}")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    for package in ("tflite", "flatbuffers", "onnx"):
        need(package, REMEDY)
    from scripts.recipes.mediapipe_build.convert import convert

    options.out.mkdir(parents=True, exist_ok=True)
    for source in SOURCES:
        data = convert(read(options.wheel, source.file), source.outputs, f"MediaPipe 0.10.14, {source.file}")
        print(f"{write_atomic(options.out / f'{source.name}.onnx', data)}: {len(data):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
