"""The one table of files that the project ships or a user brings; every missing file is explained here.

python -m clipface.assets
python -m clipface.assets flame flame_template
CLIPFACE_DATA=my_data python -m clipface.assets --missing

Lists each file: its name, whether it is there and intact, where, its licence and how to get it.
"""

import argparse
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

FOLDER_VARIABLE = "CLIPFACE_DATA"
_ROOT = Path(__file__).resolve().parent.parent
# An installed package has the repository's `data` under a name of its own.
SHIPPED_FOLDER = _ROOT / ("clipface_data" if (_ROOT / "clipface_data").is_dir() else "data")


class Asset(NamedTuple):
    """A file the project knows by name."""

    file: str  # path below the data folder
    licence: str
    how: str  # how a user gets it
    sha256: str | None = None  # of shipped files


WIDTH = 28  # of a name in the list, characters
_CHECK_OUT = "it is part of the repository: check it out again"
_REBUILD = _CHECK_OUT + ", or rebuild it with "
_GAN = "`python -m trainer.texture_gan experiment=anchored dataset.textures=<folder> trainer=gpu`"
_ENCODER = "`python -m trainer.face_encoder {}trainer=gpu`"
_FLAME = "register at https://flame.is.tue.mpg.de, download "

# Trained here: how each is made again, and its checksum.
_TRAINED = {
    "generator": (_GAN, "64865d83dd3693a0e9a31ae8577ef82e6c6494a21304d2923d505e0a1f153c80"),
    "looks": (
        "`python scripts/recipes/fit_offsets.py --textures <folder> --generator data/generator.safetensors`",
        "3a4282001adb3ad169c580050ecdc2bbea97a4f37f5bc778803f917ad16b3af6",
    ),
    "text_mapper": (
        "`python -m trainer.text_mapper`",
        "8168cce0c2b26886fe98ba933e6125ed0d2b600ba03d9051c2ef34d79d26095a",
    ),
    "latent_codes": (
        "`python scripts/sample_textures.py --seeds 0-63 --codes-only --out <folder>`",
        "4be3407d0f698dd2a1d523f64d47775f4965009699855a700bdd551f0966a2fd",
    ),
    "face_encoder": (_ENCODER.format(""), "8d8d741f432d4617e4d809b7f7b4d15f67ecc2be331da2437526914e744ebc3f"),
    "scoring_encoder": (
        _ENCODER.format("experiment=scoring "),
        "a66fbd67453267fc1e4b773461e49723b5852f5020bb62bb980cf8ecb4440c21",
    ),
    "face_encoder_sentences": (
        "`python -m trainer.sentence_projection`",
        "d74c0476f212d42d928fcc7a59f34f65ded0f46c73e0b4071858aefccba74158",
    ),
    "scoring_encoder_sentences": (
        "`python -m trainer.sentence_projection guidance=scoring`",
        "257e3d87bf77d1a98c33488606188a4b6bf11b76fae44aa5a48b3d0d4b2d06a7",
    ),
}

# Networks that see faces and hands, converted from MediaPipe 0.10.14: their checksums.
_CONVERT = "`python scripts/recipes/convert_mediapipe.py --wheel <wheel> --out data/detection`"
_DETECTION = {
    "faces_near": "ee3e135b3ff27ee7e983469b619e91b6fb5886087fdf26598969c6c03d377835",
    "faces_far": "1ae731d95afb65dd138ba44226294a933f22a2b38704b9534c8776f957d27efb",
    "face_landmarks": "49699a1db4c23ab2cb6d50b95175d9596671e6280d7e1239812c22321983c48e",
    "person_mask": "17301458901af38f40b61d5d3e0eaccf579eb46f0514c2152d4da643f7bc1479",
    "palms": "1ba564c3a82910b5df018aa526a282ad8c166f370088dae6e4f5f5402bd89a56",
    "hand_landmarks": "0a60941c66259ac0235bae6104d3a2168828313fbfe1cb69c043eeda862a90d9",
}

ASSETS = {
    "open_head": Asset(
        "open_head.npz",
        "CC0-1.0",
        _REBUILD + "`python scripts/recipes/build_open_head.py`",
        "69b3e4259a5efb3f9f1576048bd8e4004b8c1f9e1f6d11ff3b25ba5a32126455",
    ),
    "validation_photos": Asset("validation_photos.txt", "Apache-2.0", _CHECK_OUT),
    "face_points": Asset(
        "open_head_points.npz",
        "CC0-1.0",
        _REBUILD
        + "`python scripts/recipes/build_correspondence.py --photos <folder> --labels <file> --exclude <list>`",
        "85acda1a642e18f6c075773e284b3ebeab2284e2c2964cab58295b3fddbb5e7e",
    ),
    "linear_textures": Asset(
        "linear_textures.safetensors",
        "CC-BY-4.0",
        _REBUILD + _GAN,
        "9b6557738a50afaea5320198df566ee30d4bfeb2c6436c60632a6abedd8bb076",
    ),
    "people": Asset(
        "people.safetensors",
        "CC-BY-4.0",
        _REBUILD + "`python scripts/recipes/build_people.py --textures <folder> --dataset <folder> --labels <files>`",
        "aa533538fa2a53533e8932f6ccd21fe2451d2fe664990316af70f22b51ab7a2c",
    ),
    "texture_model": Asset(
        "texture_model.safetensors",
        "CC-BY-4.0",
        _REBUILD + "`python scripts/recipes/build_texture_model.py --dataset <folder>`",
        "63dfcdc56327a0346b5ae55bfb35b5f4c0c8535b7ebfcff8503c330e039c42b2",
    ),
    **{
        name: Asset(f"{name}.safetensors", "Apache-2.0", _REBUILD + how, sha256)
        for name, (how, sha256) in _TRAINED.items()
    },
    **{
        name: Asset(f"detection/{name}.onnx", "Apache-2.0", _REBUILD + _CONVERT, sha256)
        for name, sha256 in _DETECTION.items()
    },
    "eye": Asset(
        "eye.png",
        "CC0-1.0",
        _REBUILD + "`python scripts/recipes/unroll_eye.py`",
        "92613c6a32202e3c34ef902fe042aae18b22c553584e2d042e44d8ec85ac964b",
    ),
    "paraphrases": Asset("paraphrases.csv", "Apache-2.0", _CHECK_OUT),
    "paraphrases_fresh": Asset("paraphrases_fresh.csv", "Apache-2.0", _CHECK_OUT),
    "synonyms": Asset("synonyms.csv", "Apache-2.0", _CHECK_OUT),
    **{
        f"sequence_{name}": Asset(f"sequences/{name}.yaml", "Apache-2.0", _CHECK_OUT)
        for name in ("laugh", "angry", "surprised", "disgusted", "talking")
    },
    "inception": Asset(
        "metrics/weights-inception-2015-12-05-6726825d.pth",
        "Apache-2.0",
        "take it from the releases of torch-fidelity (toshas/torch-fidelity, v0.2.0)",
    ),
    "flame": Asset(
        "flame/generic_model.pkl", "FLAME licence", _FLAME + "FLAME 2020 and take generic_model.pkl from it"
    ),
    "flame_template": Asset(
        "flame/head_template.obj", "FLAME licence", _FLAME + "the texture space and take head_template.obj"
    ),
    "flame_landmarks": Asset(
        "flame/landmark_embedding.npy",
        "FLAME licence",
        _FLAME + "FLAME 2020 (landmark_embedding.npy comes with DECA's data)",
    ),
    "flame_from_open": Asset(
        "flame/from_open.safetensors",
        "FLAME licence",
        "make it by `python scripts/transfer_texture.py --from open --to flame`",
    ),
    "flame_masks": Asset("flame/FLAME_masks.pkl", "FLAME licence", _FLAME + "the vertex masks (FLAME_masks.pkl)"),
}


def resolve(name: str) -> Path:
    """Find an asset's file.

    The folder named by the variable CLIPFACE_DATA is searched first, then the repository's `data`.

    Args:
        name: a key of `ASSETS`.

    Raises:
        KeyError: if no asset has this name.
        FileNotFoundError: if the file is missing; says where it was looked for and how to get it.
        ValueError: if a shipped file is not the one that was shipped (cut off or changed).
    """
    asset, path, damaged = _found(name)
    if path is None:
        raise FileNotFoundError(
            f"asset {name}: {' and '.join(map(str, _places(asset)))} does not exist. To get it: {asset.how}. "
            f"The variable {FOLDER_VARIABLE} can name another folder that holds {asset.file}. Licence: {asset.licence}."
        )
    if damaged:
        raise ValueError(f"asset {name}: {path} is not the file that was shipped (cut off or changed); {asset.how}")
    return path


def table(names: Sequence[str] = (), missing: bool = False) -> str:
    """Describe assets, two lines each: name, whether it is there, licence and place; then how to get it.

    Args:
        names: keys of `ASSETS`; none: all.
        missing: only those that are not there.

    Raises:
        KeyError: if no asset has one of the names.
    """
    lines, states = [], set()
    for name in names or ASSETS:
        asset, path, damaged = _found(name)
        if missing and path and not damaged:
            continue
        state = "missing" if path is None else "damaged" if damaged else "there"
        states.add(state)
        lines.append(f"{name:<{WIDTH}}{state:<9}{asset.licence:<15}{path or asset.file}")
        lines.append(f"{'':<{WIDTH}}{asset.how[:1].upper()}{asset.how[1:]}.")
    if "missing" in states:
        folder = os.environ.get(FOLDER_VARIABLE) or SHIPPED_FOLDER
        lines.append(f"\nMissing files belong below {folder}; the variable {FOLDER_VARIABLE} names another folder.")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """List assets on the command line."""
    parser = argparse.ArgumentParser(
        "python -m clipface.assets", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="of assets; none: all")
    parser.add_argument("--missing", action="store_true", help="only those that are not there")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in ASSETS]
    if unknown:
        parser.error(f"NAME: expected one of {', '.join(ASSETS)}, got {', '.join(unknown)}")
    print(table(options.names, options.missing) or "Nothing is missing.")


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _found(name: str) -> tuple[Asset, Path | None, bool]:
    """An asset, its file if it is there, and whether that is damaged."""
    if name not in ASSETS:
        raise KeyError(f"asset: expected one of {', '.join(sorted(ASSETS))}, got {name!r}")
    asset = ASSETS[name]
    path = next((place for place in _places(asset) if place.is_file()), None)
    shipped = asset.sha256 and path == SHIPPED_FOLDER / asset.file  # a user's own file in the other folder may be any
    return asset, path, bool(shipped) and checksum(path) != asset.sha256


def _places(asset: Asset) -> list[Path]:
    """Where an asset may be, the user's folder first."""
    folders = [Path(os.environ[FOLDER_VARIABLE])] if os.environ.get(FOLDER_VARIABLE) else []
    return [folder / asset.file for folder in [*folders, SHIPPED_FOLDER]]


if __name__ == "__main__":
    main()
