"""Times the training of a prompt's mapper: samples (images) a second, memory, and milliseconds of each part.

python scripts/benchmarks/mapper.py
python scripts/benchmarks/mapper.py --device cuda --precision bf16 --compile --batch 16 --views 4
python scripts/benchmarks/mapper.py --device cuda --size 512 --resolution 512 --batch 16 --views 4 --encoder ViT-B-32

The last is the paper's size, with random weights of its encoder and of a generator: these take as long as trained ones,
so nothing is downloaded.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from clipface import startup
from clipface.settings import SHIPPED_ENCODERS, GuidanceConfig, HeadConfig, RendererConfig

PAPER_CHANNELS = {"channel_base": 16384, "channel_max": 512, "mapping_layers": 8}


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=128, help="of the images, pixels")
    parser.add_argument("--batch", type=int, default=4, help="faces")
    parser.add_argument("--views", type=int, default=2, help="images of each face")
    encoders = ", ".join(SHIPPED_ENCODERS)
    parser.add_argument("--encoder", default="face_encoder", help=f"{encoders}, or a model of open_clip")
    parser.add_argument("--resolution", type=int, help="of a random generator of the paper's size; none: the shipped")
    parser.add_argument("--generator", help="weights, the authors' too; none: the shipped one")
    parser.add_argument("--renderer", default="warp", choices=("warp", "nvdiffrast"))
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"), help="of generator and encoder")
    parser.add_argument("--compile", action="store_true", help="encoder by torch.compile")
    parser.add_argument("--steps", type=int, default=20, help="timed")
    parser.add_argument("--warm-up", type=int, default=5, help="steps before")
    parser.add_argument("--threads", type=int, default=2, help="of PyTorch on the CPU")
    return parser.parse_args(arguments)


def build_module(options: argparse.Namespace) -> Any:
    """Build a mapper in training, with the shipped generator and encoder or with random ones."""
    from clipface import assets
    from clipface.edit.avatar import Avatar
    from clipface.guidance import load_encoder
    from clipface.guidance.encoder import random_open_clip
    from clipface.render.load import load_head_and_renderer
    from clipface.texture.generator import TextureGenerator
    from clipface.texture.published import read_generator
    from trainer.mapper.config import LearningRates, MapperConfig, PromptConfig
    from trainer.mapper.module import MapperModule

    if options.resolution:
        generator = TextureGenerator(options.resolution, **PAPER_CHANNELS)
    else:
        generator = read_generator(options.generator or assets.resolve("generator"))
    avatar = Avatar(generator, *load_head_and_renderer(HeadConfig(), RendererConfig(options.renderer)))
    shipped = options.encoder in SHIPPED_ENCODERS
    encoder = load_encoder(GuidanceConfig(options.encoder)) if shipped else random_open_clip(options.encoder)
    config = MapperConfig(
        batch_size=options.batch, views=options.views, image_size=options.size, compile=options.compile,
        prompt=PromptConfig("zombie", "a photo of a zombie"), learning_rate=LearningRates(0.01, 0.01),
    )  # fmt: skip
    module = MapperModule(config, avatar, [encoder]).to(options.device)
    module.log = module.log_dict = lambda *values, **more: None
    return module


class Step:
    """Training steps without Lightning, whose own share is a few milliseconds a step at most."""

    def __init__(self, module: Any, bfloat16: bool) -> None:
        self.module, self.bfloat16, self.count = module, bfloat16, 0
        self.optimizer = module.configure_optimizers()

    def __call__(self) -> None:
        """Take one step."""
        import torch

        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.module.device.type, torch.bfloat16, enabled=self.bfloat16):
            loss = self.module.training_step(0, self.count)
        self.backward(loss)
        self.optimizer.step()
        self.count += 1

    def backward(self, loss: Any) -> None:
        """The backward pass, by a name of its own to be timed."""
        loss.backward()

    def parts(self) -> dict[str, tuple[Any, str]]:
        """What is timed; generator, head, renderer and encoder come twice a step, before and after the edit."""
        avatar, loss = self.module.avatar, self.module.directional_loss.losses[0]
        return {
            "generator": (avatar.generator.synthesis, "forward"),
            "mapper": (self.module.mapper, "forward"),
            "head": (avatar.head, "forward"),
            "renderer": (avatar.renderer, "forward"),
            "encoder": (loss.encoder, "encode_image"),
            "backward": (self, "backward"),
            "optimizer": (self.optimizer, "step"),
        }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    options = parse(arguments)
    startup.announce("Time the training of a mapper")
    import torch

    from trainer.common.timing import hardware, print_parts, print_rate

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    module, device = build_module(options), torch.device(options.device)
    step = Step(module, options.precision == "bf16")
    print(
        f"{hardware(device)}: texture {module.avatar.generator.config['resolution']}, images {options.size}, "
        f"{options.batch} faces x {options.views} views, {options.encoder}, {options.precision}, {options.renderer}"
        f"{', compiled' if options.compile else ''}",
        flush=True,
    )
    print_rate(step, options.warm_up, options.steps, options.batch * options.views, device)
    print_parts(step, options.steps, step.parts(), device)


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
