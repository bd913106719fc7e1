"""Edit faces without a mapper, for `scripts/evaluate.py`: codes, texels or a linear texture model, face by face.

python scripts/measure/baselines.py --mappers runs/*_mapper_zombie --faces 8 --output runs/direct
python scripts/measure/baselines.py --mappers runs/zombie runs/clown --methods w_plus linear --steps 200 --together 4
python scripts/measure/baselines.py --mappers runs/zombie --methods texels --device cuda
python scripts/evaluate.py --mappers runs/*_mapper_zombie runs/direct/*.safetensors --faces 8

Loss, encoder, views and prior are those of the mapper's run. Writes <prompt>_<method>.safetensors.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from evaluate import UNSEEN
from omegaconf import OmegaConf

from clipface import weights
from clipface.edit.avatar import Avatar, Faces
from clipface.edit.sampling import sample_faces
from clipface.evaluation.baselines import METHODS, DirectEdits, optimise
from clipface.texture.linear import TextureModel, load_texture_model
from trainer.common.config import slug
from trainer.mapper.config import MapperConfig
from trainer.mapper.module import MapperModule
from trainer.mapper.train import build


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mappers", nargs="+", required=True, type=Path, help="run folders to take prompts from")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--faces", type=int, default=8, help="how many unseen faces")
    parser.add_argument("--seed", type=int, default=UNSEEN, help="of the faces, as in scripts/evaluate.py")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--together", type=int, default=1, help="faces side by side; the time for a face is shared")
    parser.add_argument("--texture-model", type=Path, help="linear model (the one that comes with the project)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--output", type=Path, default=Path("runs/direct"), help="folder to write into")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Optimise and write."""
    options = parse(arguments)
    for folder in options.mappers:
        module = build(read_config(folder)).to(options.device)
        for method in options.methods:
            linear = read_linear(module.avatar, options.texture_model) if method == "linear" else None
            edits = edit_all(module, method, linear, options)
            path = write(edits, module.config, method, options)
            print(f"{path}: {options.faces} faces, {edits.seconds_a_face:.2f} s a face", flush=True)


def read_config(folder: Path) -> MapperConfig:
    """Read a run's configuration, whatever device it ran on.

    Raises:
        FileNotFoundError: if the folder holds none.
    """
    path = folder / "config.yaml"
    if not path.is_file():
        raise FileNotFoundError(f"mappers: {path} does not exist; give the folder of a trainer.mapper run")
    read = OmegaConf.load(path)
    read.trainer.accelerator, read.trainer.resume = "cpu", None  # nothing is trained by Lightning here
    return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(MapperConfig), read))


def read_linear(avatar: Avatar, path: Path | None) -> TextureModel:
    """Read the linear texture model of the avatar's head."""
    found = load_texture_model(avatar.head, path)
    if found is None:
        raise ValueError(
            f"texture-model: one of {avatar.head.source} is wanted, the one that comes with the project is of another "
            "head; build one by scripts/recipes/build_texture_model.py, or leave linear out of --methods"
        )
    return found[0]


def edit_all(
    module: MapperModule, method: str, linear: TextureModel | None, options: argparse.Namespace
) -> DirectEdits:
    """Optimise all faces, some at a time."""
    faces = sample_faces(module.avatar, range(options.faces), module.config.psi, "evaluation", options.seed)
    parts = []
    for start in range(0, options.faces, options.together):
        rows = slice(start, start + options.together)
        some = Faces(faces.codes.rows(rows), faces.camera[rows])
        parts.append((len(some.camera), optimise(module, some, method, options.steps, start, linear)))
    codes = type(faces.codes)(*(torch.cat(x) for x in zip(*(part.codes for _, part in parts), strict=True)))
    seconds = sum(count * part.seconds_a_face for count, part in parts) / options.faces
    return DirectEdits(codes, torch.cat([part.texture for _, part in parts]), seconds)


def write(edits: DirectEdits, config: MapperConfig, method: str, options: argparse.Namespace) -> Path:
    """Write codes or textures, and what they were made with."""
    tensors = {"expression": edits.codes.expression, "w_plus": edits.codes.w_plus, "texture": edits.texture}
    notes = {
        "method": method, "prompt": asdict(config.prompt), "head": asdict(config.head), "generator": config.generator,
        "guidance": asdict(config.guidance), "psi": config.psi, "faces": options.faces, "seed": options.seed,
        "steps": options.steps, "together": options.together, "seconds_a_face": edits.seconds_a_face,
    }  # fmt: skip
    return weights.save(options.output / f"{slug(config.prompt.name)}_{method}.safetensors", tensors, notes, half=True)


if __name__ == "__main__":
    main()
