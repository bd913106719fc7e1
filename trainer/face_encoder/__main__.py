"""Train a small encoder of faces and words on painted faces.

python -m trainer.face_encoder trainer=gpu trainer.minutes=7
python -m trainer.face_encoder trainer=gpu experiment=scoring
python -m trainer.face_encoder experiment=smoke

Source: CLIP (arXiv 2103.00020), section 2.
"""

from trainer.common.command import command

main = command("face_encoder")

if __name__ == "__main__":
    main()
