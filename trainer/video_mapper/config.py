"""What a run of the video mapper's trainer depends on."""

from dataclasses import dataclass, field
from typing import Any

from clipface.settings import GuidanceConfig, HeadConfig, Jitter, RendererConfig, require_at_least
from trainer.common.config import PlateauConfig, TrainerConfig, register, require_even_shares
from trainer.mapper.config import PromptConfig


@dataclass
class VideoMapperConfig:
    """Everything a run depends on."""

    seed: int = 0
    sequence: str = ""  # laugh, angry, surprised, disgusted, talking, or a file or folder of frames
    rate: float | None = None  # frames per second to which the sequence is brought; null: its own
    batch_size: int = 2  # faces, of all processes together
    frames: int | None = 4  # of the sequence, for each face and step, drawn anew; null: all
    image_size: int = 128  # of the images, pixels
    max_yaw: float = 20.0  # of the views, degrees, beside the motion's own
    max_pitch: float = 10.0
    cache: int = 0  # batches that are drawn once and used again and again, in memory; 0: new ones at each step
    psi: float = 0.7  # truncation of the random textures
    smoothness: float = 0.0  # weight of how unevenly a code changes from frame to frame
    importance_smoothing: float = 0.0  # seconds, so that an edit follows moods and not each syllable
    min_feature_change: float = 0.1  # of an image's features (length 1); less change counts as that much less agreement
    layers: int = 4  # of each level's network
    # known: the look that the prompt is named after, where the shipped generator was trained it, else zero: changes
    # nothing yet; or look:NAME; or a file or run of this trainer, the authors' files too
    init_from: str = "zero"
    learning_rate: float = 1e-4
    decay: bool = False  # whether the learning rate falls to zero along half a cosine
    checkpoint_every: int = 0  # steps between checkpoints to resume from; 0: only when interrupted
    validation: int = 2  # faces that are never trained on: for the numbers and images at the end
    scored_frames: int = 24  # of the sequence, evenly spread: for the numbers at the end
    generator: str | None = None  # weights of the texture generator; null: the one that comes with the project
    jitter: Jitter = field(default_factory=Jitter)
    plateau: PlateauConfig = field(default_factory=PlateauConfig)
    prompt: PromptConfig = field(default_factory=PromptConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    renderer: RendererConfig = field(default_factory=RendererConfig)
    guidance: GuidanceConfig = field(default_factory=GuidanceConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    logger: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        require_at_least(
            self, batch_size=1, image_size=8, cache=0, smoothness=0, importance_smoothing=0, layers=1, validation=1,
            scored_frames=2, checkpoint_every=0,
        )  # fmt: skip
        require_even_shares(self)
        if self.frames is not None:
            require_at_least(self, frames=1)
        if self.rate is not None and not self.rate > 0:
            raise ValueError(f"rate: expected a number above 0, got {self.rate}")


register("video_mapper_schema", VideoMapperConfig)
