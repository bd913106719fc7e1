"""Command-line options that several commands share; no tensor, so that a parser costs no import of PyTorch."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clipface import startup
from clipface.documents import made, read_json
from clipface.settings import (
    BACKENDS,
    HEADS,
    PERSON_TEXTURE,
    TEXT_PREFIX,
    FacesConfig,
    GuidanceConfig,
    config_names,
    prompt_target,
)

PSI = 1.0  # truncation of random faces where neither a command line nor a run says: none
UNSEEN = 2**40  # seed of the faces that edits are scored on; no training run's
SEEDS_HELP = "codes as .pt, .npz, .safetensors or a folder of .pt, or seeds to sample faces from: 0:8 is 0 to 7"
PROMPT_HELP = "any words, or a name of configs/prompt: an edit at once, without training"
LEFT_OUT = "left out: that of the first mapper's run"


class _Renamed(argparse.Action):
    """A flag of earlier versions."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        parser.error(f"{self.option_strings[0]}: expected {self.metavar}, its present name")


def command(description: str | None, **renamed: str) -> argparse.ArgumentParser:
    """Create a command's parser.

    Args:
        description: the module's docstring.
        renamed: flags of earlier versions, without dashes, and what each is called now: they are refused.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for old, new in renamed.items():
        parser.add_argument(f"--{old}", action=_Renamed, nargs="*", metavar=f"--{new}", help=argparse.SUPPRESS)
    return parser


def add_edits(parser: argparse.ArgumentParser, required: bool = False) -> None:
    """Add mappers and how they are applied."""
    add = parser.add_argument
    add(
        "--mapper", nargs="+", action="extend", default=[], metavar="MAPPER",
        help="run folders, files of mappers (the authors' too), look:NAME, slider:NAME=NUMBER, paint:NAME"
        + ("" if required else "; left out: the face as it is"),
    )  # fmt: skip
    add("--prompt", nargs="+", action="extend", dest="mapper", type=edit_of_words, metavar="TEXT", help=PROMPT_HELP)
    add("--strength", nargs="+", type=float, default=[1.0], help="one for all or one for each; negative: the opposite")
    add("--mix", action="store_true", help="add the edits up instead of one after the other")


def edit_of_words(text: str) -> str:
    """What --prompt means as a mapper; ends with 2 before anything starts if its words cannot be read."""
    from clipface import assets
    from clipface.guidance.text_check import as_installed

    words = " ".join(text.split())
    if not words or not words.isprintable():
        raise argparse.ArgumentTypeError(f"expected words, got {text!r}")
    place = assets.resolve("text_mapper").with_suffix(".json")
    try:
        noted = read_json(place, "text mapper").get("guidance")
        guidance = made(GuidanceConfig, noted, f"text mapper {place}: guidance")
    except (ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    check_words({"target": prompt_target(words)}, as_installed(guidance))
    return TEXT_PREFIX + prompt_target(words)


def add_people(parser: argparse.ArgumentParser, several: bool = False) -> argparse._MutuallyExclusiveGroup:
    """Add photographs and files of persons, whose faces take the place of the generator's.

    Args:
        parser: to add to.
        several: whether the command takes any number of people; then it has to be told whose faces to take.

    Returns:
        A group for the options of other faces: only one of them all can be given.
    """
    one, add = parser.add_mutually_exclusive_group(required=several), parser.add_argument
    folder = "; or one folder: each shows another person" if several else ""
    one.add_argument("--photo", nargs="+", type=Path, default=[], help="photographs of one person" + folder)
    what = "files of persons" if several else "file of a person"
    one.add_argument(
        "--person", nargs="+" if several else 1, type=Path, default=[],
        help=f"{what} (.person.safetensors), which edit.py --photo writes",
    )  # fmt: skip
    words = "codes of DECA, EMOCA or SMIRK of the photographs, one each, or a folder of such: heads, with --head flame"
    add("--fits", nargs="+", type=Path, default=[], metavar="FILE", help=words)
    words = "a head of FLAME that the codes' faces get: flame_params.pkl, verts.pkl, or a code of DECA"
    add("--head-params", type=Path, metavar="FILE", help=words)
    add_which_face(parser)
    add(
        "--texture-size", type=int, default=PERSON_TEXTURE, metavar="TEXELS",
        help=f"side of a texture made from photographs, a power of two ({PERSON_TEXTURE})",
    )  # fmt: skip
    return one


def faces_config(options: argparse.Namespace, latents: str | Path | None) -> FacesConfig:
    """What `add_people` added; without people `latents`: a file of codes, or seeds "first:end"."""
    photos, persons, fits = ([str(path) for path in paths] for paths in (options.photo, options.person, options.fits))
    coded = None if photos or persons or latents is None else str(latents)
    head = options.head_params and str(options.head_params)
    return FacesConfig(coded, photos, persons, fits, options.which_face, options.texture_size, head_params=head)


def add_head_camera(parser: argparse.ArgumentParser) -> None:
    """Add the camera of `--head-params`."""
    add = parser.add_argument
    add("--head-camera", action="store_true", help="see the faces by the camera of --head-params: DECA's crop")
    words = "with --head-camera: sample_deca.pkl, to see them as the first implementation shows its edits"
    add("--tform", type=Path, metavar="FILE", help=words)


def faces_named(options: argparse.Namespace) -> str:
    """Whose faces a command takes, for its first line."""
    return ", ".join(map(str, options.photo or options.person)) or options.latents


def one_seed(seed: int) -> str:
    """The seed of a single face as `FacesConfig.latents`."""
    return f"{seed}:{seed + 1}"


def add_which_face(parser: argparse.ArgumentParser) -> None:
    """Add which of the faces in a photograph is meant."""
    words = "of several faces in a photograph: 1 is the largest, 2 the next in size (1)"
    parser.add_argument("--which-face", type=int, default=1, metavar="N", help=words)


def add_avatar(parser: argparse.ArgumentParser, runs: bool = True) -> None:
    """Add what faces are made of, and where.

    Args:
        parser: to add to.
        runs: whether mappers' runs give the defaults.
    """
    add = parser.add_argument
    add("--psi", type=float, default=None if runs else PSI, help="truncation of random faces, 0..1 " + _left_out(runs))
    add("--generator", help="weights of the texture generator, the authors' too " + _left_out(runs, "the shipped one"))
    add("--head", default=None if runs else "open", choices=HEADS, help=_left_out(runs, "open"))
    add("--renderer", default="warp", choices=BACKENDS)
    add_device(parser)


def add_expressions(parser: argparse.ArgumentParser) -> None:
    """Add which expressions a GLB holds, and how."""
    words = "names that a GLB holds, or all (left out: the 52 of ARKit if the head has it)"
    parser.add_argument("--expressions", nargs="*", help=words)
    words = "a GLB of a third of the size, whose targets are sparse: Cesium and some others do not read those"
    parser.add_argument("--compact", action="store_true", help=words)


def check_words(prompt: dict[str, Any], guidance: GuidanceConfig) -> None:
    """Check a prompt before anything starts: print warnings, or end with 2 if an encoder cannot read it.

    Args:
        prompt: as of `clipface.guidance.text_check.check_prompt`.
        guidance: the encoders.
    """
    from clipface.guidance.text_check import UnreadableText, check_prompt

    try:
        startup.warn(check_prompt(prompt, guidance))
    except UnreadableText as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def add_device(parser: argparse.ArgumentParser, default: str = "auto") -> None:
    """Add the device."""
    parser.add_argument("--device", default=default, help=f"cpu, cuda, or auto: a GPU if there is one ({default})")


def add_encoder_weights(parser: argparse.ArgumentParser) -> None:
    """Add local files of encoders' weights."""
    words = "local weights of encoders: vit_b_16=ViT-B-16.pt (left out: the shipped ones, or a download)"
    parser.add_argument("--encoder-weights", nargs="+", default=[], metavar="NAME=FILE", help=words)


def encoder_weights(options: argparse.Namespace) -> dict[str, str]:
    """What `add_encoder_weights` added: a file for each name of configs/guidance.

    Raises:
        ValueError: if a word is no such pair.
    """
    found = {}
    for word in options.encoder_weights:
        name, _, file = word.partition("=")
        if not file or name not in config_names("guidance"):
            expected = f"NAME=FILE with a name of {', '.join(config_names('guidance'))}"
            raise ValueError(f"encoder_weights: expected {expected}, got {word!r}")
        found[name] = file
    return found


def add_output(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """Add the folder that a command writes into."""
    add = parser.add_argument
    add("--output", type=Path, default=default and Path(default), required=not default, help="folder to write into")


def avatar_options(options: argparse.Namespace) -> dict[str, Any]:
    """What `add_avatar` added, as arguments of `clipface.edit.loading.load_editor`."""
    return {name: getattr(options, name) for name in ("psi", "generator", "head", "renderer", "device")}


def spread(values: Sequence[float], count: int) -> list[float]:
    """Values, one for all or one for each of `count`."""
    return list(values) * (count if len(values) == 1 else 1)


def _left_out(runs: bool, else_: str = str(PSI)) -> str:
    return f"({LEFT_OUT})" if runs else f"({else_})"
