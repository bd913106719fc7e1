"""Edit faces without a mapper, for `scripts/evaluate.py`: codes, texels or a linear texture model, face by face.

python scripts/measure/baselines.py --mappers runs/*_mapper_zombie --faces 8 --output runs/direct
python scripts/measure/baselines.py --mappers runs/zombie runs/clown --methods w_plus linear --steps 200 --together 4
python scripts/measure/baselines.py --mappers runs/zombie --methods texels --device cuda
python scripts/evaluate.py --mappers runs/*_mapper_zombie runs/direct/*.safetensors --faces 8

Loss, encoder, views and prior are those of the mapper's run. Writes <prompt>_<method>.safetensors.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clipface import startup
from clipface.edit.options import UNSEEN, add_device, add_output, command
from clipface.evaluation.protocol import BASELINES

if TYPE_CHECKING:
    from clipface.edit.avatar import Avatar
    from clipface.evaluation.baselines import DirectEdits, Objective
    from clipface.texture.linear import TextureModel
    from trainer.mapper.config import MapperConfig


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__)
    add = parser.add_argument
    add("--mappers", nargs="+", required=True, type=Path, help="run folders to take prompts from")
    add("--methods", nargs="+", default=list(BASELINES), choices=BASELINES)
    add("--faces", type=int, default=8, help="how many unseen faces")
    add("--seed", type=int, default=UNSEEN, help="of the faces, as in scripts/evaluate.py")
    add("--steps", type=int, default=100)
    add("--together", type=int, default=1, help="faces optimised together; the time for a face is shared")
    add("--texture-model", type=Path, help="linear model (the one that comes with the project)")
    add_device(parser, "cpu")
    add_output(parser, "runs/direct")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Optimise and write."""
    options = parse(arguments)
    startup.announce(f"Edit {options.faces} faces without a mapper for the prompts of {len(options.mappers)} runs")
    from clipface.edit.sampling import sample_faces
    from clipface.evaluation.baselines import optimise_all

    for folder in options.mappers:
        config = read_config(folder)
        objective = objective_of(config, options.device)
        faces = sample_faces(objective.avatar, range(options.faces), config.psi, "evaluation", options.seed)
        for method in options.methods:
            linear = read_linear(objective.avatar, options.texture_model) if method == "linear" else None
            edits = optimise_all(objective, faces, method, options.steps, options.together, linear)
            path = write(edits, config, method, options)
            print(f"{path}: {options.faces} faces, {edits.seconds_a_face:.2f} s a face", flush=True)


def read_config(folder: Path) -> "MapperConfig":
    """Read a run's configuration, whatever device it ran on.

    Raises:
        FileNotFoundError: if the folder holds none.
    """
    from omegaconf import OmegaConf

    from trainer.mapper.config import MapperConfig

    path = folder / "config.yaml"
    if not path.is_file():
        raise FileNotFoundError(f"mappers: {path} does not exist; give the folder of a trainer.mapper run")
    read = OmegaConf.load(path)
    read.trainer.accelerator, read.trainer.resume = "cpu", None  # nothing is trained by Lightning here
    return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(MapperConfig), read))


def objective_of(config: "MapperConfig", device: str) -> "Objective":
    """What a run trains with, on a device.

    Raises:
        ValueError: if the run changes no texture.
    """
    from clipface.edit.loading import choose_device, load_avatar, load_encoders
    from clipface.edit.views import Views
    from clipface.evaluation.baselines import Objective
    from clipface.guidance import DirectionalLoss, EncoderMean

    model, floor = config.model, config.min_feature_change
    if not model.texture:
        raise ValueError("model.texture: expected a mapper that changes textures, got one of the expression alone")
    encoders = load_encoders(config.guidance)
    loss = EncoderMean([DirectionalLoss(encoder, floor=floor, **config.prompt.words) for encoder in encoders])
    place = choose_device(device)
    return Objective(
        load_avatar(config.generator, config.head, config.renderer).to(place),
        loss.to(place),
        Views(config.views, config.max_yaw, config.max_pitch, config.jitter),
        config.image_size,
        config.expression_prior_weight,
        model.region,
        model.region is None if model.expression is None else model.expression,
    )


def read_linear(avatar: "Avatar", path: Path | None) -> "TextureModel":
    """Read the linear texture model of the avatar's head."""
    from clipface.texture.linear import load_texture_model

    found = load_texture_model(avatar.head, path)
    if found is None:
        raise ValueError(
            f"texture-model: expected one of {avatar.head.source}, got the one that comes with the project, which is of "
            "another head; build one by scripts/recipes/build_texture_model.py, or leave linear out of --methods"
        )
    return found[0]


def write(edits: "DirectEdits", config: "MapperConfig", method: str, options: argparse.Namespace) -> Path:
    """Write codes or textures, and what they were made with."""
    from dataclasses import asdict

    from clipface import weights
    from trainer.common.config import slug

    tensors = {"expression": edits.codes.expression, "w_plus": edits.codes.w_plus, "texture": edits.texture}
    notes = {
        "method": method, "prompt": asdict(config.prompt), "head": asdict(config.head), "generator": config.generator,
        "guidance": asdict(config.guidance), "psi": config.psi, "faces": options.faces, "seed": options.seed,
        "steps": options.steps, "together": options.together, "seconds_a_face": edits.seconds_a_face,
    }  # fmt: skip
    return weights.save(options.output / f"{slug(config.prompt.name)}_{method}.safetensors", tensors, notes, half=True)


if __name__ == "__main__":
    main()
