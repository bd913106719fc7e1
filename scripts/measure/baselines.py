"""Edit faces without a mapper, for `scripts/evaluate.py`: codes, texels or a linear texture model, face by face.

python scripts/measure/baselines.py --mappers runs/*_mapper_zombie --faces 8 --output runs/direct
python scripts/measure/baselines.py --mappers runs/zombie runs/clown --methods w_plus linear --steps 200 --together 4
python scripts/measure/baselines.py --mappers runs/zombie --methods texels --device cuda
python scripts/evaluate.py --mappers runs/*_mapper_zombie runs/direct/*.safetensors --faces 8

Loss, encoder, views and prior are those of the mapper's run. Writes <prompt>_<method>.safetensors.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clipface import startup
from clipface.edit.options import UNSEEN, add_device, add_encoder_weights, add_output, command, encoder_weights
from clipface.evaluation.edits.protocol import BASELINES
from clipface.settings import named_guidance

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from clipface.evaluation.edits.baselines import Objective
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
    add("--texture-model", type=Path, help="linear model (the one that comes with the project), or FLAME_texture.npz")
    add_encoder_weights(parser)
    add_device(parser, "cpu")
    add_output(parser, "runs/direct")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Optimise and write."""
    options = parse(arguments)
    startup.announce(f"Edit {options.faces} faces without a mapper for the prompts of {len(options.mappers)} runs")
    from clipface import weights
    from clipface.edit.sampling import sample_faces
    from clipface.evaluation.edits.baselines import optimise_all, read_linear
    from clipface.files import slug

    for folder in options.mappers:
        config = read_config(folder, encoder_weights(options))
        objective = objective_of(config, options.device)
        faces = sample_faces(objective.avatar, range(options.faces), config.psi, "evaluation", options.seed)
        for method in options.methods:
            linear = read_linear(objective.avatar.head, options.texture_model) if method == "linear" else None
            edits = optimise_all(objective, faces, method, options.steps, options.together, linear)
            tensors = {"expression": edits.codes.expression, "w_plus": edits.codes.w_plus, "texture": edits.texture}
            given = {name: getattr(options, name) for name in ("faces", "seed", "steps", "together")}
            given |= {"method": method, "seconds_a_face": edits.seconds_a_face}
            notes = {**config.notes, **objective.avatar.origin, **given}
            path = options.output / f"{slug(config.prompt.name)}_{method}.safetensors"
            weights.save(path, tensors, notes, half=True)
            print(f"{path}: {options.faces} faces, {edits.seconds_a_face:.2f} s a face", flush=True)


def read_config(folder: Path, weights: Mapping[str, str]) -> "MapperConfig":
    """Read a run's configuration, whatever device it ran on.

    Args:
        folder: of the run.
        weights: files of encoders, by name, in the place of those that the run had.

    Raises:
        FileNotFoundError: if the folder holds none.
        ValueError: if it is damaged.
    """
    from trainer.common.config import read_run
    from trainer.mapper.config import MapperConfig

    files = {named_guidance(name).model: file for name, file in weights.items()}

    def change(read: "DictConfig") -> None:
        read.trainer.accelerator, read.trainer.resume = "cpu", None  # nothing is trained by Lightning here
        read.model.init_from, read.compile = "zero", False  # nor any mapper
        read.guidance.weights = files.get(read.guidance.model, read.guidance.weights)
        own = {name: weights[name] for name in read.guidance.also if name in weights}
        read.guidance.also_weights = {**read.guidance.also_weights, **own}

    return read_run(folder, MapperConfig, change)


def objective_of(config: "MapperConfig", device: str) -> "Objective":
    """What a run trains with, on a device.

    Raises:
        ValueError: if the run changes no texture.
    """
    from clipface.edit.loading import choose_device
    from clipface.edit.sampling import Views
    from clipface.evaluation.edits.baselines import Objective
    from trainer.mapper.train import build

    if not config.model.texture:
        raise ValueError("model.texture: expected a mapper that changes textures, got one of the expression alone")
    module = build(config).to(choose_device(device))
    return Objective(
        module.avatar,
        module.directional_loss,
        Views(config.views, config.max_yaw, config.max_pitch, config.jitter),
        config.image_size,
        config.expression_prior_weight,
        module.mapper.region,
        module.mapper.expression is not None,
    )


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
