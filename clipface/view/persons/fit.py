"""Make a person of photographs in a process of its own: what the page starts, so that its memory stays small.

python -m clipface.view.persons.fit me.jpg side.jpg --out me.person.safetensors
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from clipface import startup
from clipface.settings import HEADS, PERSON_TEXTURE


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("photos", nargs="+", type=Path, help="photographs of one person")
    add("--out", type=Path, required=True, help="file to write, ending in .person.safetensors")
    add("--generator", type=Path, help="weights of the texture generator (the shipped one)")
    add("--head", default="open", choices=HEADS)
    add("--texture-size", type=int, default=PERSON_TEXTURE, help=f"texels ({PERSON_TEXTURE})")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit, bake and write."""
    options = parse(arguments)
    startup.announce("step: loading the fitter")
    from clipface.edit.loading import load_editor
    from clipface.edit.persons.person import Person

    avatar = load_editor(generator=options.generator, head=options.head, device="cpu").avatar
    print("step: fitting the head and its texture", flush=True)
    person = Person.from_photos(options.photos, avatar, options.texture_size)
    print("step: writing", flush=True)
    person.save(options.out)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
