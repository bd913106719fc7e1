"""What a run of the video mapper's trainer depends on."""

from dataclasses import dataclass
from typing import Any

from clipface.settings import require_at_least
from trainer.common.config import register
from trainer.mapper.config import EditConfig


@dataclass
class VideoMapperConfig(EditConfig):
    """Everything a run depends on."""

    batch_size: int = 2
    max_yaw: float = 20.0  # beside the motion's own
    max_pitch: float = 10.0
    validation: int = 2
    sequence: str = ""  # laugh, angry, surprised, disgusted, talking, or a file or folder of frames
    rate: float | None = None  # frames per second to which the sequence is brought; null: its own
    frames: int | None = 4  # of the sequence, for each face and step, sampled anew; null: all
    smoothness: float = 0.0  # weight of how unevenly a code changes from frame to frame
    importance_smoothing: float = 0.0  # seconds, so that an edit follows moods and not each syllable
    layers: int = 4  # of each level's network
    # known: the look of the prompt's name if the generator has it, else zero, which changes nothing yet; look:NAME;
    # or a file or run of this trainer, the authors' files too
    init_from: str = "zero"
    learning_rate: float = 1e-4
    decay: bool = False  # whether the learning rate falls to zero along half a cosine
    scored_frames: int = 24  # of the sequence, evenly spread: for the numbers at the end

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        super().__post_init__()
        require_at_least(self, smoothness=0, importance_smoothing=0, layers=1, scored_frames=2)
        if self.frames is not None:
            require_at_least(self, frames=1)
        if self.rate is not None and not self.rate > 0:
            raise ValueError(f"rate: expected a number above 0, got {self.rate}")

    @property
    def notes(self) -> dict[str, Any]:
        """What is kept beside the mapper, for all that use it later."""
        return {**super().notes, "sequence": self.sequence, "rate": self.rate}


register("video_mapper_schema", VideoMapperConfig)
