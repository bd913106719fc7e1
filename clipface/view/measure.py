"""How long the editor takes to answer: from a slider's callback to the message for the browser, without a browser.

python -m clipface.view.measure                     the first trained prompt under runs/
python -m clipface.view.measure --runs my_runs      of another folder
python -m clipface.view.measure --repeats 50        more of each
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

from clipface.view.__main__ import build, parse
from clipface.view.channel import packed
from clipface.view.lights import PAINTED
from clipface.view.state import Edit, FaceState, ViewSettings


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", default="runs", help="folder of trained mappers")
    parser.add_argument("--repeats", type=int, default=20, help="of each measurement")
    options = parser.parse_args(arguments)
    services = build(parse(["--runs", options.runs]))
    runs = services.engine.library.runs()
    edits = (Edit(runs[0].name),) if runs else ()
    face = FaceState(edits=edits)

    def answer(state: FaceState, settings: ViewSettings, texture: bool) -> int:
        """Compute and encode what the browser is sent; returns its bytes."""
        head = services.engine.drawn(state, settings)
        parts = {"position": services.glb.positions(head.vertices[0]).tobytes()}
        if settings.light != PAINTED:
            parts["color"] = services.glb.colours(head.light[0]).tobytes()
        if texture:
            parts["texture"] = services.glb.jpeg(head.texture[0])
        return len(packed("after", parts))

    painted = ViewSettings()
    count = options.repeats
    row("expression", count, lambda n: answer(face.with_weight("jawOpen", (n + 1) / (count + 2)), painted, False))
    row(
        "expression, lit",
        count,
        lambda n: answer(face.with_weight("jawOpen", n / count), ViewSettings("after", "left"), False),
    )
    row("identity", count, lambda n: answer(face.with_identity(0, (n + 1) / count), painted, False))
    if edits:
        row("strength", count, lambda n: answer(face.with_last_edit(Edit(runs[0].name, n / count)), painted, True))
        lips = [face.with_last_edit(Edit(runs[0].name, (n + 0.5) / count, "lips")) for n in range(count)]
        row("strength, lips", count, lambda n: answer(lips[n], painted, True))
    row("another face", count, lambda n: answer(FaceState(seed=n + 1, edits=edits), painted, True))


def row(name: str, count: int, answer: Callable[[int], int]) -> None:
    """Print median and 90th percentile of `count` calls, the first not counted."""
    answer(0)
    times, size = [], 0
    for number in range(1, count):
        start = time.perf_counter()
        size = answer(number)
        times.append(1000 * (time.perf_counter() - start))
    tenth = statistics.quantiles(times, n=10)[-1]
    print(f"{name:18} {statistics.median(times):6.1f} ms   90 %: {tenth:6.1f} ms   {size / 1000:6.1f} kB")


if __name__ == "__main__":
    main()
