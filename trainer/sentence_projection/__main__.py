"""Train a projection of sentence features, so that a face encoder understands words that captions lack.

python -m trainer.sentence_projection
python -m trainer.sentence_projection guidance=scoring
python -m trainer.sentence_projection experiment=smoke

A frozen sentence encoder (extra `words`) already knows which words mean the same. A small projection maps its features
into the space of a frozen face encoder, trained by captions and by data/synonyms.csv, towards the features that the
encoder's own text network gives to the words it knows. Takes about six minutes on a CPU core, most of them to encode
the texts. Run it again whenever the face encoder changes, then put the two files it writes next to the encoder's
weights.

Source: CLIP (arXiv 2103.00020), section 2.3, for the contrastive loss.
"""

import sys

import hydra
from omegaconf import DictConfig, OmegaConf

from clipface import startup
from trainer.common.config import refuse_renamed
from trainer.sentence_projection import config as _  # noqa: F401  registers the schema


@hydra.main(version_base="1.3", config_path="../../configs", config_name="sentence_projection")
def main(config: DictConfig) -> None:
    """Command line: Hydra overrides, `key=value`."""
    settings = OmegaConf.to_object(config)
    startup.prepare()
    startup.announce("Train a projection of sentence features (first the texts are encoded, about five minutes)")
    from trainer.common import run
    from trainer.sentence_projection.train import train

    run.main(train, settings)


if __name__ == "__main__":
    refuse_renamed(sys.argv[1:])
    main()
