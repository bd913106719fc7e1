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

from trainer.common.command import command

main = command("sentence_projection")

if __name__ == "__main__":
    main()
