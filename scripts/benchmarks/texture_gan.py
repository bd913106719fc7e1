"""Times the training of the texture generator: samples (images) a second, memory, and milliseconds of each phase.

python scripts/benchmarks/texture_gan.py trainer=gpu batch_size=32 image_size=512 generator.resolution=512
python scripts/benchmarks/texture_gan.py trainer=gpu --phases --profile
python scripts/benchmarks/texture_gan.py trainer=gpu dataset.path=my_faces --real
python scripts/benchmarks/texture_gan.py trainer=gpu experiment=anchored dataset.textures=textures

Takes the trainer's own overrides. Faces are painted once and used again, unless --real reads a data set. Of the
anchored recipe the last stage is timed.
"""

import argparse
import itertools
import sys
from collections.abc import Callable, Sequence
from typing import Any

from clipface import startup

PHASES = ("g_main", "g_path", "d_main", "d_r1")
DETAILS = ("render", "generate", "augmented", "patches", "random_codes", "anchor_loss")  # inside them; forward only
PHASE_BATCHES = 16  # in which each penalty comes
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


def read_config(overrides: Sequence[str]) -> Any:
    """Compose the trainer's configuration, as its command line does."""
    from hydra import compose, initialize_config_module
    from omegaconf import OmegaConf

    from trainer.texture_gan import config as _  # noqa: F401  registers the schema

    with initialize_config_module("configs", version_base="1.3"):
        return OmegaConf.to_object(compose("texture_gan", overrides=list(overrides)))


def build_module(config: Any, options: argparse.Namespace) -> Any:
    """Build the networks to be trained without Lightning, whose own share is a few milliseconds a batch at most."""
    import torch

    from clipface.texture.ops import activation
    from trainer.texture_gan.train import build

    if options.plain:
        activation.has_triton = lambda: False
    module = build(config).to("cuda" if config.trainer.accelerator == "gpu" else "cpu")
    module.manual_backward = torch.Tensor.backward
    if config.recipe == "anchored":
        module.data.start()
        for number in range(1, len(config.anchored.stages)):
            module.enter(number)
    sides = module.configure_optimizers()
    module.optimizers = lambda use_pl_optimizer=False: sides
    module.augment.probability.fill_(options.augment)
    module.augment.images = float("inf")  # the probability stays
    return module


def training_step(module: Any, config: Any, real: bool) -> Callable[[], None]:
    """A function that trains on the next batch."""
    if config.recipe == "anchored":
        return module.train_batch
    if real:
        batches = (batch.to(module.device) for batch in module.faces(0))
    else:
        config.dataset.chunk = 2 * config.batch_size
        batches = itertools.cycle(list(itertools.islice(module.faces(0), 2)))
    return lambda: module.training_step(next(batches), 0)


def profile(step: Callable[[], None], cuda: bool) -> str:
    """Table of the kernels that take longest."""
    import torch

    activity = torch.profiler.ProfilerActivity
    with torch.profiler.profile(activities=[activity.CUDA if cuda else activity.CPU]) as recorded:
        for _ in range(PHASE_BATCHES):
            step()
    order = "self_device_time_total" if cuda else "self_cpu_time_total"
    return recorded.key_averages().table(sort_by=order, row_limit=TOP, max_name_column_width=70)


def describe(module: Any, config: Any, options: argparse.Namespace) -> str:
    """The rest of the line that says what is timed."""
    sizes = ("generator", "discriminator")
    counts = [sum(p.numel() for p in getattr(module, name).parameters()) / 1e6 for name in sizes]
    return (
        f"recipe {config.recipe}, texture {config.generator.resolution}, image {config.image_size}, "
        f"batch {batch_size(config)}, {config.trainer.precision}, renderer {config.renderer.backend}, "
        f"channels {config.generator.channel_base}/{config.generator.channel_max} and "
        f"{config.discriminator.channel_base}/{config.discriminator.channel_max} "
        f"({counts[0]:.1f} and {counts[1]:.1f} million parameters), "
        f"{config.patch.count} patches, augmentation {options.augment if config.augment.enabled else 'off'}"
        f"{', plain operations' if options.plain else ''}{', data set' if options.real else ''}"
    )


def batch_size(config: Any) -> int:
    """Of the steps that are timed."""
    return config.anchored.stages[-1].batch_size if config.recipe == "anchored" else config.batch_size


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    options = parse(arguments)
    startup.announce("Time the training of the texture generator")
    import torch

    from trainer.common.timing import hardware, print_parts, print_rate

    config = read_config(options.overrides)
    torch.manual_seed(config.seed)
    if config.trainer.threads > 0:
        torch.set_num_threads(config.trainer.threads)
    module = build_module(config, options)
    step, device = training_step(module, config, options.real), module.device
    print(f"{hardware(device)}: {describe(module, config, options)}", flush=True)
    print_rate(step, options.warm_up, options.batches, batch_size(config), device)
    print(f"skipped batches: {int(module.finite.skipped)}")
    if options.phases:
        parts = {name: (module, name) for name in (*PHASES, *DETAILS) if hasattr(module, name)}
        print_parts(step, PHASE_BATCHES, parts, device)
    if options.profile:
        print(profile(step, device.type == "cuda"))


if __name__ == "__main__":
    sys.exit(startup.exit_status(main))
