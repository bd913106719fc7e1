"""Train textures that follow a motion.

python -m trainer.video_mapper prompt=angry sequence=laugh
python -m trainer.video_mapper prompt=zombie sequence=capture.csv hydra.run.dir=my_capture
python -m trainer.video_mapper --prompt "a photo of a sad clown" sequence=laugh
python -m trainer.video_mapper prompt=angry sequence=laugh experiment=smoke

--prompt takes a name of configs/prompt or any words, quotes and signs included.

Writes a video, a head that moves and the editor into the run's folder; scripts/animate.py animates other faces with it.

Source: ClipFace (arXiv 2212.01406), section 3.3.
"""

from trainer.common.command import command

main = command("video_mapper")

if __name__ == "__main__":
    main()
