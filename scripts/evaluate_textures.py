"""FID and KID of textures on the heads of a data set: a generator's, baked ones, their mean, a linear model of them.

python scripts/evaluate_textures.py --dataset my_faces --generator runs/my_gan/generator.safetensors --textures my_textures
python scripts/evaluate_textures.py --generator first.safetensors second.safetensors --psi 0.7 --count 5000
python scripts/evaluate_textures.py --dataset my_faces --network inception --device cuda
"""

import argparse
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from clipface import assets
from clipface.data.textures import read_textures
from clipface.metrics import NETWORKS, load_features
from clipface.metrics.baselines import LinearTextures
from clipface.render.load import load_head_and_renderer
from clipface.settings import HeadConfig, RendererConfig
from clipface.texture.generator import TextureGenerator
from trainer.common.config import TrainerConfig
from trainer.texture_gan.config import DatasetConfig, TextureGANConfig
from trainer.texture_gan.face_stream import open_faces
from trainer.texture_gan.scores import Scorer


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", help="data set folder of the real images (painted faces if left out)")
    parser.add_argument(
        "--generator", nargs="*", default=[], help="weights of generators (the shipped one if left out)"
    )
    parser.add_argument("--textures", help="folder of baked textures, to score them, their mean and a linear model")
    parser.add_argument("--directions", type=int, default=50, help="of the linear model")
    parser.add_argument("--network", default="efficientnet", choices=NETWORKS, help="whose features are compared")
    parser.add_argument("--weights", help="of that network (where the project looks for them if left out)")
    parser.add_argument("--count", type=int, default=2000, help="images of each kind; real ones repeat, mirrored")
    parser.add_argument("--size", type=int, default=256, help="side of the images, pixels")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--psi", type=float, default=1.0, help="truncation of the generators' codes")
    parser.add_argument("--head", default="open", choices=("open", "flame"))
    parser.add_argument("--renderer", default="warp", choices=("warp", "nvdiffrast"))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args(arguments)


def open_scorer(options: argparse.Namespace) -> Scorer:
    """Look at the real images."""
    head, renderer = load_head_and_renderer(HeadConfig(options.head), RendererConfig(options.renderer))
    head, renderer = head.to(options.device), renderer.to(options.device)
    run = TextureGANConfig(
        batch_size=options.batch,
        image_size=options.size,
        dataset=DatasetConfig(path=options.dataset, workers=0),
        head=HeadConfig(options.head),
        trainer=TrainerConfig(steps=1),
    )
    features = load_features(options.network, options.weights)
    return Scorer(features, head, renderer, open_faces(run, head, renderer)(0), options.count)


def candidates(options: argparse.Namespace) -> dict[str, Callable[[int, torch.Generator], Tensor]]:
    """What is scored: each gives textures [B, 3, R, R] in [-1, 1]."""
    found = {}
    for path in options.generator or [assets.resolve("generator")]:
        found[f"generator {path}"] = _generated(TextureGenerator.from_weights(path).to(options.device), options.psi)
    if options.textures:
        textures = read_textures(options.textures, options.size)[1].to(options.device).float() / 127.5 - 1
        found["mean baked texture"] = LinearTextures(textures, 0)
        directions = min(options.directions, len(textures) - 1)
        found[f"linear model, {directions} directions"] = LinearTextures(textures, directions)
        found["baked textures themselves"] = _drawn_from(textures)
    return found


def _drawn_from(given: Tensor) -> Callable[[int, torch.Generator], Tensor]:
    def textures(count: int, generator: torch.Generator) -> Tensor:
        return given[torch.randint(len(given), (count,), generator=generator).to(given.device)]

    return textures


def _generated(network: TextureGenerator, psi: float) -> Callable[[int, torch.Generator], Tensor]:
    def textures(count: int, generator: torch.Generator) -> Tensor:
        z = torch.randn(count, network.config["z_dim"], generator=generator)
        return network(z.to(network.mapping.w_avg), psi)

    return textures


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    options = parse(arguments)
    rows = candidates(options)
    scorer = open_scorer(options)
    print(f"{options.count} images of each kind, {options.size} pixels; {scorer.distances.features.title}")
    print(f"{'FID':>8}{'KID':>10}  textures")
    for name, textures in rows.items():
        found = scorer.score(textures, options.size)
        print(f"{found['fid']:8.2f}{found['kid']:10.5f}  {name}", flush=True)


if __name__ == "__main__":
    main()
