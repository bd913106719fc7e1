"""How long the editor takes to answer: from a slider's callback to the image for the browser, without a browser.

python -m clipface.view.measure                     the first trained prompt under runs/
python -m clipface.view.measure --runs my_runs      of another folder
python -m clipface.view.measure --repeats 50        more of each
"""

import argparse
import io
import statistics
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from clipface import startup
from clipface.view.__main__ import build
from clipface.view.__main__ import parse as parse_editor
from clipface.view.server.start import CAMERA_POSITION, CAMERA_TARGET, FIELD_OF_VIEW

if TYPE_CHECKING:
    from clipface.view.engine import Engine
    from clipface.view.session.state import FaceState, ViewSettings

SIZE = 512  # pixels of the canvas's sides


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", default="runs", help="folder of trained mappers")
    parser.add_argument("--repeats", type=int, default=20, help="of each measurement")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a table."""
    options = parse(arguments)
    startup.announce(f"Measure how long the editor takes to answer at {SIZE} x {SIZE} pixels")
    measure(build(parse_editor(["--runs", options.runs])).engine, options.repeats)


def measure(engine: "Engine", count: int) -> None:
    """Print a row for each kind of change, of which `count` are made."""
    from PIL import Image

    from clipface.view.screen.images import BrowserCamera, render_view, shown_surfaces
    from clipface.view.screen.stream import QUICK_QUALITY, REST_QUALITY, REST_SUPERSAMPLE
    from clipface.view.session.state import Edit, FaceState, ViewSettings

    painted, lit = ViewSettings(light="as painted"), ViewSettings()
    runs = engine.library.runs()
    edits = (Edit(runs[0].name),) if runs else ()
    face = FaceState(edits=edits)

    def answer(state: "FaceState", settings: "ViewSettings" = painted, x: float = 0.0, at_rest: bool = False) -> None:
        """Render and encode what the browser is sent."""
        camera = BrowserCamera((x, *CAMERA_POSITION[1:]), CAMERA_TARGET, (0.0, 1.0, 0.0), FIELD_OF_VIEW, (SIZE, SIZE))
        surfaces = shown_surfaces(engine, state, settings)
        image = render_view(engine, surfaces, camera, camera.size, REST_SUPERSAMPLE if at_rest else 1)
        Image.fromarray(image).save(io.BytesIO(), "JPEG", quality=REST_QUALITY if at_rest else QUICK_QUALITY)

    row("turning", count, lambda n: answer(face, x=0.3 * n / count))
    row("turning, at rest", count, lambda n: answer(face, x=0.3 * n / count, at_rest=True))
    row("expression", count, lambda n: answer(face.with_weight("jawOpen", (n + 1) / (count + 2))))
    row("expression, lit", count, lambda n: answer(face.with_weight("jawOpen", n / count), lit))
    row("form", count, lambda n: answer(face.with_value("form", "nose length", (n + 1) / count)))
    if edits:
        row("strength", count, lambda n: answer(face.with_last_edit(Edit(runs[0].name, n / count))))
        lips = [face.with_last_edit(Edit(runs[0].name, (n + 0.5) / count, "lips")) for n in range(count)]
        row("strength, lips", count, lambda n: answer(lips[n]))
    row("another face", count, lambda n: answer(FaceState(seed=n + 1, edits=edits)))


def row(name: str, count: int, answer: Callable[[int], None]) -> None:
    """Print median and 90th percentile of `count` calls, the first not counted."""
    answer(0)
    times = []
    for number in range(1, count):
        start = time.perf_counter()
        answer(number)
        times.append(1000 * (time.perf_counter() - start))
    tenth = statistics.quantiles(times, n=10)[-1]
    print(f"{name:18} {statistics.median(times):6.1f} ms   90 %: {tenth:6.1f} ms", flush=True)


if __name__ == "__main__":
    main()
