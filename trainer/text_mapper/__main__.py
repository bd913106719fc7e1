"""Train one editor for all words: a text becomes offsets of a face's codes at once, without any training for it.

python -m trainer.text_mapper
python -m trainer.text_mapper trainer=gpu batch_size=256 rendered=16
python -m trainer.text_mapper guidance=vit_b_32 trainer=gpu
python -m trainer.text_mapper experiment=smoke

Learns from right answers where the project knows them: looks, the photographs' own directions and named expressions,
each in many words, together with others, on faces that have something else already, and taken away again. With
`rendered` faces in each step it learns from the encoder's judgement of images too. Put the file that it writes, and
its .json, in the place of data/text_mapper.safetensors.
"""

from trainer.common.command import command

main = command("text_mapper")

if __name__ == "__main__":
    main()
