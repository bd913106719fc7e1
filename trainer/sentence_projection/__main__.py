"""Teach a face encoder words that captions lack, about six minutes on a CPU core, most of them to encode the texts.

python -m trainer.sentence_projection
python -m trainer.sentence_projection guidance=scoring
python -m trainer.sentence_projection experiment=smoke

A frozen sentence encoder (extra `words`) already knows which words mean the same. A small projection carries its
features into the space of a frozen face encoder, trained by captions and by data/synonyms.csv, towards the features that
the encoder's own text network gives to the words it knows. Run it again whenever the face encoder changes, then put the
two files it writes beside the encoder's weights.

Source: CLIP (arXiv 2103.00020), section 2.3, for the contrastive loss.
"""

import hydra
from omegaconf import DictConfig, OmegaConf

from clipface import startup
from trainer.sentence_projection import config as _  # noqa: F401  registers the schema


@hydra.main(version_base="1.3", config_path="../../configs", config_name="sentence_projection")
def main(config: DictConfig) -> None:
    """Command line: Hydra overrides, `key=value`."""
    settings = OmegaConf.to_object(config)
    startup.prepare()
    startup.announce("Teach a face encoder words that captions lack, about six minutes on a CPU core, most of them to encode the texts")
    from trainer.common.run import run_folder
    from trainer.sentence_projection.module import train

    with run_folder() as folder:
        train(settings, folder)


if __name__ == "__main__":
    main()
