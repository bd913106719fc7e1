"""The one table of files that the project ships or a user brings; every missing file is explained here."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

FOLDER_VARIABLE = "CLIPFACE_DATA"
SHIPPED_FOLDER = Path(__file__).resolve().parent.parent / "data"


class Asset(NamedTuple):
    """A file the project knows by name."""

    file: str  # path below the data folder
    licence: str
    how: str  # how a user gets it
    sha256: str | None = None  # of shipped files


_CHECK_OUT = "it is part of the repository: check it out again"
_REBUILD = _CHECK_OUT + ", or rebuild it with "
_GAN = "`python -m trainer.texture_gan experiment=shipped_generator trainer=gpu`"
_FLAME = "register at https://flame.is.tue.mpg.de, download "

ASSETS = {
    "open_head": Asset(
        "open_head.npz",
        "CC0-1.0",
        _REBUILD + "`python scripts/build_open_head.py`",
        "ab60314bbcf9a6c8152e17575b40e4ed69c82aafb8ff8ae839a93ce95d71ad67",
    ),
    "face_points": Asset(
        "open_head_points.npz",
        "CC0-1.0",
        _REBUILD + "`python scripts/build_correspondence.py --photos <folder> --labels <file>`",
        "9f97fc1c30b74c563c6c97cf3b7ee66f7448600d7cb1265354dcca9f80df3b3f",
    ),
    "texture_model": Asset(
        "texture_model.safetensors",
        "CC-BY-4.0",
        _REBUILD + "`python scripts/build_texture_model.py --dataset <folder>`",
        "5e98d2a1375afe9586931ecb1541724355c6085be0038d9e9d975aaba60d900a",
    ),
    "generator": Asset(
        "generator.safetensors",
        "Apache-2.0",
        _REBUILD + _GAN,
        "e3bb2ccca9b1566850beb58f4c7cc9144176315e2000b0885084bcbdf9d4ee3f",
    ),
    "discriminators": Asset(
        "discriminators.safetensors",
        "Apache-2.0",
        _REBUILD + _GAN,
        "496dfc2b2cb9c36a10e3680ffea006709bddb8a5c8843c59c5f9133d6328346d",
    ),
    "face_encoder": Asset(
        "face_encoder.safetensors",
        "Apache-2.0",
        _REBUILD + "`python -m trainer.face_encoder trainer=gpu`",
        "d71ceeaaebd19d3828a0bde8de1caeeb44bc97fde2d66475842743431fadb3e1",
    ),
    "scoring_encoder": Asset(
        "scoring_encoder.safetensors",
        "Apache-2.0",
        _REBUILD + "`python -m trainer.face_encoder experiment=scoring trainer=gpu`",
        "b90c43a65afcf3207361a50a642c1263b747a2ecdfeaf59c6355f2ab112a1d79",
    ),
    "face_encoder_sentences": Asset(
        "face_encoder_sentences.safetensors",
        "Apache-2.0",
        _REBUILD + "`python -m trainer.sentence_projection`",
        "514c323b774b9c28965479f98e6ce69715be63ba8f78ff6f16587cec61405663",
    ),
    "scoring_encoder_sentences": Asset(
        "scoring_encoder_sentences.safetensors",
        "Apache-2.0",
        _REBUILD + "`python -m trainer.sentence_projection guidance=scoring`",
        "0b79bc0d725477bf6cb589da51292ed96a606853d46c3f06eeee9c0b50d718a0",
    ),
    "paraphrases": Asset("paraphrases.csv", "Apache-2.0", _CHECK_OUT),
    "synonyms": Asset("synonyms.csv", "Apache-2.0", _CHECK_OUT),
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
    if name not in ASSETS:
        raise KeyError(f"asset: one of {', '.join(sorted(ASSETS))} is wanted, {name!r} was given")
    asset = ASSETS[name]
    folders = [Path(os.environ[FOLDER_VARIABLE])] if os.environ.get(FOLDER_VARIABLE) else []
    for folder in [*folders, SHIPPED_FOLDER]:
        path = folder / asset.file
        if path.is_file():
            if folder == SHIPPED_FOLDER and asset.sha256 and checksum(path) != asset.sha256:
                raise ValueError(
                    f"asset {name}: {path} is not the file that was shipped (cut off or changed); {asset.how}"
                )
            return path
    looked = " and ".join(str(folder / asset.file) for folder in [*folders, SHIPPED_FOLDER])
    raise FileNotFoundError(
        f"asset {name}: {looked} does not exist. To get it: {asset.how}. "
        f"The variable {FOLDER_VARIABLE} can name another folder that holds {asset.file}. Licence: {asset.licence}."
    )


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
