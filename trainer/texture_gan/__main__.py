"""Train the texture generator, from images of faces (module.py) or from full textures (anchored/module.py).

python -m trainer.texture_gan trainer=gpu dataset.path=my_faces
python -m trainer.texture_gan trainer=gpu experiment=painted_generator trainer.minutes=15
python -m trainer.texture_gan trainer=gpu experiment=anchored dataset.textures=textures
python -m trainer.texture_gan experiment=smoke
"""

from trainer.common.command import command

main = command("texture_gan")

if __name__ == "__main__":
    main()
