"""FID and KID of textures on the heads of a data set: a generator's, baked ones, their mean, a linear model of them.

python scripts/evaluate_textures.py --dataset my_faces --generator runs/my_gan/generator.safetensors --textures baked
python scripts/evaluate_textures.py --generator first.safetensors second.safetensors --psi 0.7 --count 5000
python scripts/evaluate_textures.py --dataset my_faces --network inception --device cuda
"""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from clipface import startup
from clipface.edit.options import add_device, command
from clipface.settings import BACKENDS, FEATURE_NETWORKS, HEADS

if TYPE_CHECKING:
    from trainer.texture_gan.scores import Scorer


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__, skins="textures")
    add = parser.add_argument
    add("--dataset", help="data set folder of the real images (painted faces if left out)")
    add("--generator", nargs="*", default=[], help="weights of generators (the shipped one if left out)")
    add("--textures", help="folder of baked textures, to score them, their mean and a linear model")
    add("--directions", type=int, default=50, help="of the linear model")
    add("--network", default="efficientnet", choices=FEATURE_NETWORKS, help="whose features are compared")
    add("--weights", help="of that network (where the project looks for them if left out)")
    add("--count", type=int, default=2000, help="images of each kind; real ones repeat, mirrored")
    add("--size", type=int, default=256, help="side of the images, pixels")
    add("--batch", type=int, default=32)
    add("--psi", type=float, default=1.0, help="truncation of the generators' codes")
    add("--head", default="open", choices=HEADS)
    add("--renderer", default="warp", choices=BACKENDS)
    add_device(parser)
    return parser.parse_args(arguments)


def open_scorer(options: argparse.Namespace) -> "Scorer":
    """Measure the real images."""
    from clipface.edit.loading import choose_device
    from clipface.metrics import load_features
    from clipface.render.load import load_head_and_renderer
    from clipface.settings import HeadConfig, RendererConfig
    from trainer.common.config import TrainerConfig
    from trainer.texture_gan.config import DatasetConfig, TextureGANConfig
    from trainer.texture_gan.data import open_faces
    from trainer.texture_gan.scores import Scorer

    parts = load_head_and_renderer(HeadConfig(options.head), RendererConfig(options.renderer))
    head, renderer = (part.to(choose_device(options.device)) for part in parts)
    run = TextureGANConfig(
        batch_size=options.batch,
        image_size=options.size,
        dataset=DatasetConfig(path=options.dataset, workers=0),
        head=HeadConfig(options.head),
        trainer=TrainerConfig(steps=1),
    )
    features = load_features(options.network, options.weights)
    return Scorer(features, head, renderer, open_faces(run, head, renderer)(0), options.count)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    options = parse(arguments)
    startup.announce(f"Compare textures on {options.count} heads with photographs")
    from clipface.edit.loading import choose_device
    from clipface.evaluation.textures import candidates

    compared = options.generator, options.textures, options.size, options.directions, options.psi
    rows = candidates(*compared, choose_device(options.device))
    scorer = open_scorer(options)
    print(f"{options.count} images of each kind, {options.size} pixels; {scorer.distances.features.title}")
    print(f"{'FID':>8}{'KID':>10}  textures")
    for name, textures in rows.items():
        found = scorer.score(textures, options.size)
        print(f"{found['fid']:8.2f}{found['kid']:10.5f}  {name}", flush=True)


if __name__ == "__main__":
    main()
