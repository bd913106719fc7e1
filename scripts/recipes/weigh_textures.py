"""Say how often each baked texture is drawn, so that ages, sexes and skin colours come evenly: writes faces.csv.

python scripts/recipes/weigh_textures.py --textures my_textures --labels labels.csv
python scripts/recipes/weigh_textures.py --textures my_textures --labels labels.csv --mixed-only officials
python scripts/recipes/weigh_textures.py --textures my_textures --labels labels.csv labels_officials.csv \\
    --mixed-only officials --older officials=10

The table lies in the folder of the textures, where `trainer.texture_gan experiment=anchored` reads it. Labels are CSV
files with the columns file, person, age and gender; an empty cell means that it is not known, and an age may stand in a
column prompt ("a 34-year-old man"). Skin colour is measured.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup
from clipface.edit.options import command


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    one = command(__doc__)
    one.add_argument("--textures", type=Path, required=True, help="folder that scripts/bake_texture.py --dataset wrote")
    one.add_argument("--labels", type=Path, nargs="+", required=True, help="CSV files: file, person, age, gender")
    one.add_argument("--mixed-only", nargs="*", default=[], help="folders of people who are never reconstructed alone")
    one.add_argument("--older", nargs="*", default=[], help="FOLDER=YEARS to add to guessed ages")
    return one.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    startup.announce(f"Weighing the textures of {options.textures}")
    from clipface.photos.balance import write_faces

    try:
        print(write_faces(options.textures, options.labels, options.mixed_only, options.older))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
