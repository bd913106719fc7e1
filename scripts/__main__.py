"""All commands under one name, wherever the project is installed.

  clipface edit --mapper look:clown --latents 0:8 --output edited
  clipface view
  clipface train mapper prompt=zombie

`clipface NAME` is `python scripts/NAME.py`, or `python -m clipface.NAME` for view and assets; `clipface train NAME` is
`python -m trainer.NAME`. Each tells with --help what it does.
"""

import runpy
import sys
from pathlib import Path

MODULES = {"view": "clipface.view", "assets": "clipface.assets"}
TRAINERS = ("mapper", "video_mapper", "texture_gan", "face_encoder", "sentence_projection", "text_mapper")


def main() -> None:
    """Run the command that the first argument names."""
    scripts = {path.stem: path for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_")}
    name, *rest = [*sys.argv[1:], "--help"]
    if name == "train" and rest[0] in TRAINERS:
        sys.argv[1:3] = []
        runpy.run_module(f"trainer.{rest[0]}", run_name="__main__", alter_sys=True)
    elif name in MODULES:
        sys.argv[1:2] = []
        runpy.run_module(MODULES[name], run_name="__main__", alter_sys=True)
    elif name in scripts:
        sys.argv[:2] = [str(scripts[name])]
        runpy.run_path(str(scripts[name]), run_name="__main__")
    else:
        known = ", ".join(sorted([*scripts, *MODULES, *(f"train {trainer}" for trainer in TRAINERS)]))
        asked = name in ("--help", "-h")
        words = f"{__doc__}\nCommands: {known}" if asked else f"error: expected one of {known}, got {name}"
        print(words, file=sys.stdout if asked else sys.stderr)
        sys.exit(0 if asked else 2)


if __name__ == "__main__":
    main()
