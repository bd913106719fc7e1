"""Times the training of the texture generator: images a second, memory, and milliseconds of each phase.

python scripts/benchmarks/texture_gan.py trainer=gpu batch_size=32 image_size=512 generator.resolution=512
python scripts/benchmarks/texture_gan.py trainer=gpu --phases --profile
python scripts/benchmarks/texture_gan.py trainer=gpu dataset.path=my_faces --real

Takes the trainer's own overrides. Faces are painted once and used again, unless --real reads a data set.
"""

import argparse
import importlib
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from clipface.data import FaceBatch
from trainer.texture_gan.config import TextureGANConfig
from trainer.texture_gan.module import TextureGAN
from trainer.texture_gan.train import build

PHASES = ("g_main", "g_path", "d_main", "d_r1")
DETAILS = ("draw", "seen", "patches", "random_codes")  # inside the phases; forward only
TOP = 30  # kernels in a profile


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="*", help="of the trainer's configuration, key=value")
    parser.add_argument("--batches", type=int, default=48, help="timed; a multiple of 16 holds every penalty evenly")
    parser.add_argument("--warm-up", type=int, default=18, help="batches before; one less than 17 leaves out a penalty")
    parser.add_argument("--augment", type=float, default=0.5, help="probability of augmentation while timing")
    parser.add_argument("--plain", action="store_true", help="PyTorch's operations in place of the project's kernels")
    parser.add_argument("--real", action="store_true", help="read the data set anew, batch by batch")
    parser.add_argument("--phases", action="store_true", help="time each phase; the device then waits after each")
    parser.add_argument("--profile", action="store_true", help="print the kernels that take longest")
    return parser.parse_args(arguments)


def read_config(overrides: Sequence[str]) -> TextureGANConfig:
    """Compose the trainer's configuration, as its command line does."""
    with initialize_config_module("configs", version_base="1.3"):
        return OmegaConf.to_object(compose("texture_gan", overrides=list(overrides)))


class Loop:
    """Training steps without Lightning: its own share of the time is a few milliseconds a batch at most."""

    def __init__(self, config: TextureGANConfig, options: argparse.Namespace) -> None:
        self.config = config
        self.device = torch.device("cuda" if config.trainer.accelerator == "gpu" else "cpu")
        if options.plain:
            importlib.import_module("clipface.texture.ops.activation")._has_triton = lambda: False
        self.module = build(config).to(self.device)
        self.module.manual_backward = torch.Tensor.backward
        sides = self.module.configure_optimizers()
        self.module.optimizers = lambda use_pl_optimizer=False: sides
        self.module.augment.probability.fill_(options.augment)
        self.module.augment.images = float("inf")  # the probability stays
        self.batches = self._real() if options.real else self._painted()

    def _real(self) -> Iterator[FaceBatch]:
        for batch in self.module.faces(0):
            yield FaceBatch(*(None if part is None else part.to(self.device, non_blocking=True) for part in batch))

    def _painted(self) -> Iterator[FaceBatch]:
        self.config.dataset.chunk = 2 * self.config.batch_size
        return itertools.cycle(list(itertools.islice(self.module.faces(0), 2)))

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def run(self, count: int) -> float:
        """Train on so many batches; returns seconds."""
        self.wait()
        begin = time.perf_counter()
        for _ in range(count):
            self.module.training_step(next(self.batches), 0)
        self.wait()
        return time.perf_counter() - begin


def time_phases(loop: Loop, count: int) -> dict[str, tuple[float, float]]:
    """Milliseconds of each phase: when it happens, and on average over all batches."""
    spent: dict[str, list[float]] = {name: [] for name in (*PHASES, *DETAILS)}

    def timed(name: str, function: Callable) -> Callable:
        def measure(*arguments: Any) -> Any:
            loop.wait()
            begin = time.perf_counter()
            result = function(*arguments)
            loop.wait()
            spent[name].append(1000 * (time.perf_counter() - begin))
            return result

        return measure

    own = {name: getattr(loop.module, name) for name in spent}
    for name, function in own.items():
        setattr(loop.module, name, timed(name, function))
    loop.run(count)
    for name in own:
        delattr(loop.module, name)
    return {name: (sum(times) / max(1, len(times)), sum(times) / count) for name, times in spent.items()}


def profile(loop: Loop) -> str:
    """Table of the kernels that take longest over 16 batches."""
    kinds = [torch.profiler.ProfilerActivity.CPU]
    if loop.device.type == "cuda":
        kinds = [torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=kinds) as recorded:
        loop.run(16)
    order = "self_device_time_total" if loop.device.type == "cuda" else "self_cpu_time_total"
    return recorded.key_averages().table(sort_by=order, row_limit=TOP, max_name_column_width=70)


def describe(module: TextureGAN, config: TextureGANConfig, options: argparse.Namespace) -> str:
    """One line that says what is timed."""
    count = {
        name: sum(p.numel() for p in getattr(module, name).parameters()) for name in ("generator", "discriminator")
    }
    name = torch.cuda.get_device_name() if config.trainer.accelerator == "gpu" else "CPU"
    return (
        f"{name}, torch {torch.__version__}: texture {config.generator.resolution}, image {config.image_size}, "
        f"batch {config.batch_size}, {config.trainer.precision}, renderer {config.renderer.backend}, "
        f"channels {config.generator.channel_base}/{config.generator.channel_max} and "
        f"{config.discriminator.channel_base}/{config.discriminator.channel_max} "
        f"({count['generator'] / 1e6:.1f} and {count['discriminator'] / 1e6:.1f} million parameters), "
        f"{config.patch.count} patches, augmentation {options.augment if config.augment.enabled else 'off'}"
        f"{', plain operations' if options.plain else ''}{', data set' if options.real else ''}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    options = parse(arguments)
    config = read_config(options.overrides)
    torch.manual_seed(config.seed)
    if config.trainer.threads > 0:
        torch.set_num_threads(config.trainer.threads)
    loop = Loop(config, options)
    print(describe(loop.module, config, options), flush=True)
    print(f"first batches: {loop.run(options.warm_up):.1f} s", flush=True)
    if loop.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = loop.run(options.batches)
    rate = options.batches * config.batch_size / seconds
    memory = torch.cuda.max_memory_allocated() / 2**30 if loop.device.type == "cuda" else float("nan")
    skipped = int(loop.module.finite.skipped)
    print(
        f"{rate:.1f} images/s, {1000 * seconds / options.batches:.1f} ms a batch, {memory:.1f} GiB, {skipped} skipped"
    )
    if options.phases:
        print(f"{'phase':14}{'ms each':>10}{'ms a batch':>12}")
        for name, (each, average) in time_phases(loop, 16).items():
            print(f"{name:14}{each:10.1f}{average:12.1f}", flush=True)
    if options.profile:
        print(profile(loop))


if __name__ == "__main__":
    main()
