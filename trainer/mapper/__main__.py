"""Train a text-guided editor of faces.

python -m trainer.mapper prompt=zombie
python -m trainer.mapper --prompt "a photo of an old man with a beard" model.region=skin
python -m trainer.mapper -m prompt=zombie,clown trainer=gpu guidance=vit_b_32
python -m trainer.mapper prompt=zombie experiment=smoke hydra.run.dir=my_zombie

--prompt takes a name of configs/prompt, as prompt=zombie does, or any words, quotes and signs included.

Writes images, a head, the editor and its scores into the run's folder; scripts/edit.py edits other faces with it.

Source: ClipFace (arXiv 2212.01406), sections 3.2 and 4.
"""

from trainer.common.command import command

main = command("mapper")

if __name__ == "__main__":
    main()
