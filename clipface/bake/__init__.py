"""Photograph and fitted head → UV texture."""

UNLIT = 0.85  # of the fitted light is taken out: what it cannot explain (highlights, cast shadows) stays as it is
