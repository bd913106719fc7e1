import random
from collections import Counter

import pytest

from clipface.synthetic.attributes import CHOICES, LOOKS, Attributes, sample_attributes
from clipface.synthetic.face.makeup import MAKEUP
from clipface.synthetic.looks.registry import LOOKS as LOOK_STYLES


def drawn(count: int, given: dict | None = None) -> list[Attributes]:
    rng = random.Random(0)
    return [sample_attributes(rng, given) for _ in range(count)]


def test_ordinary_faces_are_the_majority_and_looks_equally_frequent():
    faces = drawn(20_000)
    looks = Counter(face.look for face in faces)
    assert 0.58 < looks.pop("none") / len(faces) < 0.66
    assert set(looks) == set(LOOKS[1:])
    assert max(looks.values()) < 1.5 * min(looks.values())


def test_every_value_occurs():
    faces = drawn(5_000)
    for name, values in CHOICES.items():
        assert {getattr(face, name) for face in faces} == set(values)


def test_given_values_are_kept():
    for given in ({"look": "zombie", "sex": "woman"}, {"expression": "angry", "age": "old", "beard": "beard"}):
        for face in drawn(50, given):
            assert all(getattr(face, name) == value for name, value in given.items())


def test_stylised_faces_wear_no_make_up_of_their_own():
    assert all(f.makeup == f.lipstick == "none" and not f.freckles for f in drawn(3_000) if f.look != "none")


def test_same_seed_same_faces():
    assert drawn(50) == drawn(50)


@pytest.mark.parametrize("given", [{"look": "unicorn"}, {"hairdo": "bald"}, {"skin": 3}])
def test_unknown_names_and_values_are_refused(given):
    name = next(iter(given))
    with pytest.raises(ValueError, match=f"{name}|attributes: expected names"):
        sample_attributes(random.Random(0), given)


def test_unknown_value_in_full_attributes_is_refused():
    with pytest.raises(ValueError, match="age: expected one of young, adult, old, got 'ancient'"):
        Attributes(age="ancient")


def test_every_look_and_make_up_can_be_painted():
    assert set(LOOK_STYLES) == set(LOOKS) - {"none"}
    assert set(MAKEUP) == set(CHOICES["makeup"]) - {"none"}
