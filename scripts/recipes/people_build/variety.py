"""People as far apart as photographs are.

A code knows a texture at 64², and a fitted head is held to the mean by a prior: both leave out part of what tells
people apart. So all people are moved away from the mean one.
"""

from clipface.edit.people import People

# By looking at 64 random people, and by the spread of ages: codes at 1.3 leave ghosts of brows and patches.
CODES, SHAPES = 1.15, 1.3  # times the distance from the mean


def varied(people: People) -> People:
    """Move codes and heads away from the mean, but for the skin's lightness, which is as various as it should be.

    Args:
        people: with heads; without the slider `darker` lightness is moved too.
    """
    mean = people.weight @ people.codes
    change = CODES * (people.codes - mean)
    for slider, direction in zip(people.sliders, people.directions, strict=True):
        if slider["name"] == "darker":
            along = direction / direction.norm()
            change = change - (1 - 1 / CODES) * (change @ along)[:, None] * along
    weight = people.shape_weight * (SHAPES / CODES)
    return people._replace(
        codes=mean + change,
        shape_mean=people.shape_mean + mean @ (people.shape_weight - weight),
        shape_weight=weight,
        shape_residual=people.shape_residual * SHAPES,
    )
