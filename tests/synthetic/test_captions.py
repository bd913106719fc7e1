import random
import re
import time
from collections import Counter

import pytest

from clipface.synthetic.attributes import LOOKS, Attributes, sample_attributes
from clipface.synthetic.words import look_words
from clipface.synthetic.words import vocabulary as words
from clipface.synthetic.words.captions import caption, captions, split_words, vocabulary

PROMPTS = """zombie clown old angry smiling happy laughing sad surprised disgusted gothic makeup party red lipstick
blue eyes blonde hair wrinkles ghost dracula vampire werewolf white walker avatar statue witch beard young freckles
mona lisa pixar barbie disney princess witcher annabelle sketch stoned photo of a an face person man
woman with in the"""


def said(count: int = 4_000) -> tuple[list[Attributes], list[str]]:
    rng = random.Random(1)
    faces = [sample_attributes(rng) for _ in range(count)]
    return faces, captions(faces, rng)


def test_vocabulary_is_small_sorted_and_holds_the_words_of_the_prompts():
    known = vocabulary()
    assert known == sorted(set(known))
    assert 300 <= len(known) <= 1500
    assert set(PROMPTS.split()) <= set(known)


def test_captions_use_only_words_of_the_vocabulary():
    known = set(vocabulary())
    used = {word for text in said()[1] for word in split_words(text)}
    assert used <= known
    assert len(used) > 0.8 * len(known)  # and nearly all of them come up


def test_captions_are_tidy():
    for text in said()[1]:
        assert text == text.strip().lower()
        assert "  " not in text and not text.endswith((",", " with", " and", " of"))
        assert not re.search(r"\ba [aeio]", text), text


def test_captions_tell_the_truth():
    faces, texts = said()
    for face, text in zip(faces, texts, strict=True):
        heard = set(split_words(text))
        assert "zombie" not in heard or face.look in ("zombie", "white_walker")
        assert "freckles" not in heard or face.freckles
        assert "gothic" not in heard or face.makeup == "gothic"
        assert "angry" not in heard or face.expression == "angry"
        assert "blonde" not in heard or face.hair_colour == "blond"
        assert "lipstick" not in heard or face.lipstick != "none" or face.makeup == "gothic"
        assert not heard & {"old", "elderly", "grandmother"} or face.age == "old"


def test_stylised_faces_are_named():
    rng = random.Random(2)
    for look in LOOKS[1:]:
        own = set(split_words(" ".join(sum((table[look] for table in vars(look_words).values() if isinstance(table,
                                                                                                             dict)
                                            and look in table), ()))))  # fmt: skip
        for _ in range(20):
            assert own & set(split_words(caption(Attributes(look=look), rng)))


def test_lengths_vary_and_plain_captions_occur():
    texts = said()[1]
    lengths = Counter(len(text.split()) for text in texts)
    assert min(lengths) <= 2 and max(lengths) >= 12
    assert 0.01 < sum(text == "a photo of a face" for text in texts) / len(texts) < 0.1


def test_one_face_has_many_captions():
    rng = random.Random(3)
    face = Attributes(age="old", sex="man", beard="beard", expression="angry")
    assert len({caption(face, rng) for _ in range(200)}) > 120


def test_thousands_of_captions_a_second():
    start = time.perf_counter()
    said(2_000)
    assert time.perf_counter() - start < 2.0


@pytest.mark.parametrize("name", ["EXPRESSION_ADJECTIVES", "EXPRESSION_PHRASES", "SKIN_PHRASES"])
def test_every_value_has_several_words(name):
    assert all(len(set(choices)) >= 1 for choices in getattr(words, name).values())
