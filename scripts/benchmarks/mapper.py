"""Times the training of a prompt's mapper: samples (images) a second, memory, and milliseconds of each part.

python scripts/benchmarks/mapper.py
python scripts/benchmarks/mapper.py --device cuda --precision bf16 --compile --batch 16 --views 4
python scripts/benchmarks/mapper.py --device cuda --size 512 --resolution 512 --batch 16 --views 4 --encoder ViT-B-32

The last is the paper's size, with random weights of its encoder and of a generator: these take as long as trained ones,
so nothing is downloaded.
"""

import argparse
import time
from collections.abc import Callable, Sequence

import open_clip
import torch
from torch import Tensor

from clipface import assets
from clipface.edit.avatar import Avatar
from clipface.edit.losses import mahalanobis
from clipface.edit.sampling import sample_faces
from clipface.edit.views import Views
from clipface.guidance import Encoder, load_encoder
from clipface.guidance.encoder import SHIPPED
from clipface.render.load import load_head_and_renderer
from clipface.settings import GuidanceConfig, HeadConfig, RendererConfig
from clipface.texture.generator import TextureGenerator
from trainer.mapper.config import LearningRates, MapperConfig, PromptConfig
from trainer.mapper.module import MapperModule

PAPER_CHANNELS = {"channel_base": 16384, "channel_max": 512, "mapping_layers": 8}
PROMPT = PromptConfig("zombie", "a photo of a zombie")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=128, help="of the images, pixels")
    parser.add_argument("--batch", type=int, default=4, help="faces")
    parser.add_argument("--views", type=int, default=2, help="images of each face")
    parser.add_argument("--encoder", default="face_encoder", help=f"{', '.join(SHIPPED)}, or a model of open_clip")
    parser.add_argument("--resolution", type=int, help="of a random generator of the paper's size; none: the shipped")
    parser.add_argument("--renderer", default="warp", choices=("warp", "nvdiffrast"))
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"), help="of generator and encoder")
    parser.add_argument("--compile", action="store_true", help="encoder by torch.compile")
    parser.add_argument("--steps", type=int, default=20, help="timed")
    parser.add_argument("--warm-up", type=int, default=5, help="steps before")
    parser.add_argument("--threads", type=int, default=2, help="of PyTorch on the CPU")
    return parser.parse_args(arguments)


def random_clip(name: str) -> Encoder:
    """Build a model of open_clip with random weights."""
    model = open_clip.create_model(name, pretrained=None)
    prepared = open_clip.get_model_preprocess_cfg(model)
    size = prepared["size"] if isinstance(prepared["size"], int) else prepared["size"][0]
    return Encoder(model, open_clip.get_tokenizer(name), size, prepared["mean"], prepared["std"]).freeze()


class Loop:
    """Training steps without Lightning, whose own share is a few milliseconds a step at most."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.device = options, torch.device(options.device)
        if options.resolution:
            generator = TextureGenerator(options.resolution, **PAPER_CHANNELS)
        else:
            generator = TextureGenerator.from_weights(assets.resolve("generator"))
        avatar = Avatar(generator, *load_head_and_renderer(HeadConfig(), RendererConfig(options.renderer)))
        shipped = options.encoder in SHIPPED
        encoder = load_encoder(GuidanceConfig(options.encoder)) if shipped else random_clip(options.encoder)
        config = MapperConfig(
            batch_size=options.batch, views=options.views, image_size=options.size, prompt=PROMPT,
            learning_rate=LearningRates(0.01, 0.01), compile=options.compile,
        )  # fmt: skip
        self.module = MapperModule(config, avatar, [encoder]).to(self.device)
        self.optimizer = self.module.configure_optimizers()
        self.module.log = self.module.log_dict = lambda *values, **more: None
        self.count = 0

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.options.precision == "bf16")

    def step(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        with self.autocast():
            loss = self.module.training_step(0, self.count)
        loss.backward()
        self.optimizer.step()
        self.count += 1

    def run(self, steps: int) -> float:
        """Train so many steps; returns seconds."""
        self.wait()
        begin = time.perf_counter()
        for _ in range(steps):
            self.step()
        self.wait()
        return time.perf_counter() - begin


class Parts:
    """Times the parts of a step one after the other; the device is waited for after each, so their sum is more."""

    def __init__(self, loop: Loop) -> None:
        self.loop, self.spent = loop, {}

    def measure(self, name: str, part: Callable[[], Tensor]) -> Tensor:
        self.loop.wait()
        begin = time.perf_counter()
        result = part()
        self.loop.wait()
        self.spent[name] = self.spent.get(name, 0.0) + 1000 * (time.perf_counter() - begin)
        return result

    def step(self) -> None:
        """One training step, in the order of `MapperModule.training_step`."""
        module, config, measure = self.loop.module, self.loop.module.config, self.measure
        avatar, guidance = module.avatar, module.directional_loss
        indices = range(self.loop.count * config.batch_size, (self.loop.count + 1) * config.batch_size)
        views = Views(config.views, config.max_yaw, config.max_pitch, config.jitter)
        faces = measure("sample", lambda: sample_faces(avatar, indices, config.psi, "training", views=views))
        with torch.no_grad(), self.loop.autocast():
            before = self._features("original: ", faces.codes, faces)
        self.loop.optimizer.zero_grad(set_to_none=True)
        with self.loop.autocast():
            edited = measure("mapper", lambda: module.mapper(faces.codes))
            loss = guidance(self._features("edited: ", edited, faces), before)
            loss = loss + config.expression_prior_weight * mahalanobis(edited.expression, avatar.head.expression_precision)
        measure("backward", loss.backward)
        measure("optimiser", self.loop.optimizer.step)
        self.loop.count += 1

    def _features(self, name: str, codes: object, faces: object) -> list[Tensor]:
        avatar, size = self.loop.module.avatar, self.loop.options.size
        texture = self.measure(name + "generator", lambda: avatar.texture(codes.w_plus))
        vertices = self.measure(name + "head", lambda: avatar.head(codes.shape, codes.expression))
        views = self.loop.options.views
        inputs = vertices.repeat_interleave(views, 0), texture.repeat_interleave(views, 0), faces.camera, size
        image = self.measure(name + "renderer", lambda: avatar.renderer(*inputs).image)
        return self.measure(name + "encoder", lambda: self.loop.module.directional_loss.encode(image))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    options = parse(arguments)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    loop = Loop(options)
    hardware = torch.cuda.get_device_name() if options.device == "cuda" else f"CPU, {options.threads} threads"
    resolution = loop.module.avatar.generator.config["resolution"]
    print(
        f"{hardware}, torch {torch.__version__}: texture {resolution}, images {options.size}, "
        f"{options.batch} faces x {options.views} views, {options.encoder}, {options.precision}, {options.renderer}"
        f"{', compiled' if options.compile else ''}",
        flush=True,
    )
    print(f"first {options.warm_up} steps: {loop.run(options.warm_up):.1f} s", flush=True)
    if options.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = loop.run(options.steps)
    samples = options.batch * options.views * options.steps / seconds
    memory = f", peak {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if options.device == "cuda" else ""
    print(f"all: {1000 * seconds / options.steps:.1f} ms a step, {samples:.1f} samples/s{memory}", flush=True)
    parts = Parts(loop)
    parts.step()  # the first one compiles what is still missing
    parts.spent.clear()
    for _ in range(options.steps):
        parts.step()
    for name, spent in parts.spent.items():
        print(f"{name:22}{spent / options.steps:10.2f} ms")


if __name__ == "__main__":
    main()
