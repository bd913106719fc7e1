"""Follow the face before a camera in a process of its own: what the page starts, so that it stays responsive.

python -m clipface.view.camera.follow --camera /dev/video0

Prints a line of JSON for each image: {"expression": [E], "pose": [6], "eye_pose": [6]}, as `clipface.animation.motion`
has them, of the image as a mirror shows it; or {"say": "..."}. No image is kept.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence

from clipface import startup
from clipface.settings import HEADS

GONE = 2.0  # seconds without a face, after which another person may have come
PARTS = ("expression", "pose", "eye_pose")
DIGITS = 5


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--camera", required=True, help="a device, a video's file or an address that FFmpeg reads")
    parser.add_argument("--head", default="open", choices=HEADS)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print how the face moves until somebody ends the process, or nobody reads."""
    options = parse(arguments)
    startup.prepare()
    say("Opening the camera")
    from clipface.view.camera.source import Camera

    camera = Camera(options.camera)  # before all that takes seconds to load: what is wrong with it is known at once
    say("Loading the fitter")
    import numpy as np

    from clipface.fit.live import LiveFit
    from clipface.head import load_head
    from clipface.photos.detection import FaceDetector

    detector, fit = FaceDetector(), LiveFit(load_head(options.head))
    last, met = None, time.monotonic()
    say("Looking for a face")
    while True:
        image = np.ascontiguousarray(camera.next()[:, ::-1])
        faces = [face[:, :2] for face in detector.faces(image)]
        if not faces:
            if time.monotonic() - met > GONE:
                fit.forget()
                last = None
            say("Nobody is to be seen")
            continue
        if last is not None:  # of several people the one that was followed so far
            faces.sort(key=lambda face: float(np.abs(face - last).mean()))
        last, met = faces[0], time.monotonic()
        if fit.lacking == 1:
            say("Getting to know the face, some seconds")
        found = fit(last)
        if found is not None:
            tell({name: [round(float(value), DIGITS) for value in getattr(found, name)[0]] for name in PARTS})


def say(words: str) -> None:
    """Print what is being done."""
    tell({"say": words})


def tell(what: dict) -> None:
    """Print a line of JSON."""
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
