"""Train a projection of sentence features into a face encoder's space: what the command and the tests call."""

from pathlib import Path
from typing import Any

from torch import Tensor

from clipface import assets
from clipface.guidance import Encoder, load_encoder
from clipface.guidance.encoder import face_encoder_file
from clipface.guidance.sentences import load_sentence_encoder, projection_file, save_projection
from clipface.settings import SHIPPED_ENCODERS, SOURCE_PHRASE
from clipface.synthetic.words.trained_phrases import Phrase, read_phrases, trained_phrases
from trainer.common.run import Result, run
from trainer.sentence_projection.config import SentenceProjectionConfig
from trainer.sentence_projection.data import caption_targets, encode_sentences, phrase_targets
from trainer.sentence_projection.module import SentenceProjectionModule


def load_face_encoder(config: SentenceProjectionConfig) -> Encoder:
    """Load the frozen face encoder, without any reader.

    Raises:
        ValueError: if the guidance is no face encoder that reads words.
    """
    if config.guidance.model not in SHIPPED_ENCODERS or config.guidance.text != "words":
        raise ValueError(
            f"guidance: expected {' or '.join(SHIPPED_ENCODERS)} with text=words, got {config.guidance.model} with "
            f"text={config.guidance.text}"
        )
    return load_encoder(config.guidance)


def build(config: SentenceProjectionConfig, phrases: list[Phrase] | None = None) -> SentenceProjectionModule:
    """Read the encoders and encode all texts; nothing is written.

    Args:
        config: the run's.
        phrases: that captions lack, to be trained here; None: data/synonyms.csv.
    """
    face = load_face_encoder(config)
    folder = Path(config.sentence_encoder) if config.sentence_encoder else None
    encoder, tokenizer = load_sentence_encoder(folder)
    if phrases is None:
        phrases = read_phrases(assets.resolve("synonyms"))

    def sentences(texts: list[str]) -> Tensor:
        return encode_sentences(encoder, tokenizer, texts)

    captions = caption_targets(face, sentences, phrases, config.captions, config.seed)
    targets, prototypes = phrase_targets(face, sentences, [*trained_phrases(), *phrases])
    source = face.encode_text([SOURCE_PHRASE])[0].cpu()
    return SentenceProjectionModule(config, captions, targets, prototypes, source, encoder.width)


def write_results(module: SentenceProjectionModule, folder: Path, training: dict[str, Any]) -> dict[str, float]:
    """Write the projection, also of an interrupted run, under the name by which guidance looks for it."""
    encoder = face_encoder_file(module.config.guidance)
    path = save_projection(folder / projection_file(encoder).name, module.projection, encoder)
    print(f"projection: {path}\nput it and its .json beside {encoder}")
    return {}


def train(config: SentenceProjectionConfig, folder: Path) -> Result:
    """Train a projection and write it into `folder`."""
    return run(
        config,
        folder,
        build=build,
        data=range(config.trainer.steps),
        write_results=write_results,
    )
