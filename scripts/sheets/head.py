"""Draw the open head as one contact sheet: mean, people, expressions, poses, UV map and landmarks.

python scripts/sheets/head.py
python scripts/sheets/head.py --out my_sheet.png
CLIPFACE_DATA=my_data python scripts/sheets/head.py --out my_head.png
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/open_head.png"))
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Render the sheet and write it."""
    out = parse(arguments).out
    startup.announce(f"Rendering the open head for the sheet {out}")
    import torch

    from clipface.evaluation.head_sheet import head_sheet
    from clipface.head import load_head

    with torch.no_grad():
        sheet = head_sheet(load_head("open"))
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out, optimize=True)
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
