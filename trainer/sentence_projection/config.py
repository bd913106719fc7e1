"""What a run of the sentence projection's trainer depends on."""

from dataclasses import dataclass, field

from clipface.settings import GuidanceConfig, require_at_least
from trainer.common.config import RunConfig, register


@dataclass
class SentenceProjectionConfig(RunConfig):
    """Everything a run depends on."""

    batch_size: int = 384  # texts; a third of them captions
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warm_up: float = 0.1  # share of the run
    hidden: int = 1024  # width of the projection's hidden layer
    dropout: float = 0.2
    noise: float = 0.7  # added to sentence features, whose every number has variance 1
    contrast_weight: float = 1.0  # of the cross entropy among an attribute's values; the distance has 1
    scale: float = 15.0  # of the cosines, its logits
    change_weight: float = 1.0  # of the same for changes from "a photo of a face", as an edit makes them
    change_scale: float = 7.5  # likewise
    captions: int = 8000
    checkpoint_every: int = 0  # steps between checkpoints to resume from; 0: only when interrupted
    sentence_encoder: str | None = None  # folder with its files; null: the installed wheel's
    guidance: GuidanceConfig = field(default_factory=GuidanceConfig)

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        super().__post_init__()
        require_at_least(self, batch_size=2, hidden=1, captions=1, noise=0)


register("sentence_projection_schema", SentenceProjectionConfig)
