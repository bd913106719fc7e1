"""How long an image of the editor's webcam takes on one core: to find the face, and to fit the head.

python scripts/measure/webcam.py face.mp4                    a video of one face
python scripts/measure/webcam.py face.mp4 --images 200       more of its images
python scripts/measure/webcam.py face.mp4 --head flame       FLAME's head
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from clipface import startup


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--images", type=int, default=40, help="of the video, at most")
    parser.add_argument("--head", default="open", choices=("open", "flame"))
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print medians: processor time, as other programs may use the cores, and time."""
    options = parse(arguments)
    startup.announce(f"Follow a face in {options.video}")
    from itertools import islice

    import numpy as np
    import torch

    from clipface.export.video import read_frames
    from clipface.fit.live import IDENTITY_IMAGES, LiveFit
    from clipface.head import load_head
    from clipface.photos.detection import FaceDetector

    torch.set_num_threads(1)
    detector, fit = FaceDetector(), LiveFit(load_head(options.head))
    rows = []
    for frame in islice(read_frames(options.video), options.images):
        image = np.ascontiguousarray((frame * 255).round().byte().permute(1, 2, 0).numpy())
        moments = [_now()]
        points = detector.faces(image)[0][:, :2]
        moments.append(_now())
        fit(points)
        moments.append(_now())
        rows.append(np.diff(moments, axis=0).flatten())
    identity, known = rows[IDENTITY_IMAGES - 1], 1000 * np.median(rows[IDENTITY_IMAGES:], axis=0)
    print(f"identity, and what is made once: {identity[2]:.1f} s of processor time, {identity[3]:.1f} s")
    for name, first in (("processor time", 0), ("time", 1)):
        face, head = known[first], known[first + 2]
        print(f"an image: {face + head:.0f} ms of {name} ({face:.0f} the face, {head:.0f} the head)")


def _now() -> tuple[float, float]:
    """Processor time of the process, and time, seconds."""
    return time.process_time(), time.perf_counter()


if __name__ == "__main__":
    main()
