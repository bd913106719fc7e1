"""What a run of the anchored recipe depends on besides networks, augmentation and penalties."""

from dataclasses import dataclass, field

from clipface.settings import require_at_least


@dataclass
class StageConfig:
    """A part of the run at one resolution."""

    resolution: int = 256  # of textures, texels
    batch_size: int = 128  # of all processes together
    share: float = 1.0  # of the run's steps or minutes, relative to the other stages'
    warm_up: int = 0  # batches at its beginning in which the discriminators learn alone

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        require_at_least(self, resolution=8, batch_size=1, warm_up=0)
        if self.share <= 0:
            raise ValueError(f"share: expected more than 0, got {self.share}")


@dataclass
class WeightsConfig:
    """Factors of the generator's losses; those of the game are 1 and `patch.weight`."""

    coarse: float = 15.0  # absolute difference from the target, at `compared` texels and below
    fine: float = 2.0  # the same at full size: what z cannot know, the game decides
    features: float = 2.0  # difference from the target in the discriminator's features
    anchor: float = 15.0  # absolute difference of free samples from the linear model
    eyes: float = 6.0  # how much a texel of the eyes counts, against 1
    offsets: float = 0.05  # mean square of the attribute offsets


@dataclass
class PaintedConfig:
    """Textures with one option of the painter each, from which attribute offsets are learnt."""

    count: int = 12  # for each option; 0: no attribute offsets
    targets: float = 0.33  # of the batch's targets
    reals: float = 0.2  # of the textures that discriminators learn from
    worn: float = 0.2  # of the free samples, which then have a random option's offset
    rate: float = 0.3  # learning rate of the offsets, relative to the generator's: each is in few batches


@dataclass
class AnchoredConfig:
    """Sets of full textures, learnt in the texture square (see anchored/module.py)."""

    stages: list[StageConfig] = field(
        default_factory=lambda: [StageConfig(256, 128, 1.0), StageConfig(512, 64, 2.0, warm_up=60)]
    )
    coefficients: int = 160  # entries of z that are coefficients of the linear model; the others are noise
    anchor_size: int = 64  # of the linear model's textures, texels
    compared: int = 128  # texels, see WeightsConfig.coarse; also the largest features that are compared
    mapping_rate: float = 10.0  # learning rate of the mapping network, relative to StyleGAN2's
    cool: float = 0.3  # last part of the run, in which learning rates fall ...
    cool_to: float = 0.1  # ... to this part of themselves
    weights: WeightsConfig = field(default_factory=WeightsConfig)
    painted: PaintedConfig = field(default_factory=PaintedConfig)

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        require_at_least(self, coefficients=1, anchor_size=4, compared=4, mapping_rate=0, cool=0, cool_to=0)
        if not self.stages:
            raise ValueError("anchored.stages: expected at least one, got none")
        for small, large in zip(self.stages[:-1], self.stages[1:], strict=True):
            if large.resolution < small.resolution:
                raise ValueError(f"anchored.stages: expected rising resolutions, got {large.resolution} after a larger")
