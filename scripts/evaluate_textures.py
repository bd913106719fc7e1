"""FID and KID of textures on the heads of a data set: a generator's, baked ones, their mean, a linear model of them.

python scripts/evaluate_textures.py --dataset my_faces --generator runs/my_gan/generator.safetensors --textures baked
python scripts/evaluate_textures.py --generator first.safetensors second.safetensors --psi 0.7 --count 5000
python scripts/evaluate_textures.py --dataset my_faces --network inception --device cuda
python scripts/evaluate_textures.py --dataset my_faces --head flame --generator stylegan_G.pth \\
    --flame-texture FLAME_texture.npz --network inception
python scripts/evaluate_textures.py --dataset my_faces --match "^(london|portraits)/" --count 664
"""

import argparse
import sys
from collections.abc import Sequence

from clipface import startup
from clipface.edit.options import add_device, command
from clipface.settings import BACKENDS, FEATURE_NETWORKS, HEADS


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command(__doc__, skins="textures")
    add = parser.add_argument
    add("--dataset", help="data set folder of the real images (painted faces if left out)")
    add("--match", default="", help="regular expression of the data set's photographs that are the real images")
    add("--generator", nargs="*", default=[], help="weights of generators (the shipped one if left out)")
    add("--textures", help="folder of baked textures, to score them, their mean and a linear model")
    add("--flame-texture", help="FLAME_texture.npz, or FLAME_albedo_from_BFM.npz, to score it too: FlameTex")
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the real images, then the others, and print the table."""
    options = parse(arguments)
    startup.announce(f"Compare textures on {options.count} heads with photographs")
    from clipface.edit.loading import choose_device
    from clipface.evaluation.textures import candidates
    from clipface.metrics import load_features
    from clipface.render.load import load_head_and_renderer
    from clipface.settings import HeadConfig, RendererConfig
    from trainer.common.config import TrainerConfig
    from trainer.texture_gan.config import DatasetConfig, TextureGANConfig
    from trainer.texture_gan.data import open_faces
    from trainer.texture_gan.scores import Scorer

    device = choose_device(options.device)
    rows = candidates(options, device)
    run = TextureGANConfig(
        batch_size=options.batch,
        image_size=options.size,
        dataset=DatasetConfig(path=options.dataset, workers=0, match=options.match),
        head=HeadConfig(options.head),
        trainer=TrainerConfig(steps=1),
    )
    parts = load_head_and_renderer(run.head, RendererConfig(options.renderer))
    head, renderer = (part.to(device) for part in parts)
    features = load_features(options.network, options.weights)
    scorer = Scorer(features, head, renderer, open_faces(run, head, renderer)(0), options.count)
    print(f"{options.count} images of each kind, {options.size} pixels; {features.title}")
    print(f"{'FID':>8}{'KID':>10}  textures")
    for name, textures in rows.items():
        found = scorer.score(textures, options.size)
        print(f"{found['fid']:8.2f}{found['kid']:10.5f}  {name}", flush=True)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
