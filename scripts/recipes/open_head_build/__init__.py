"""Parts of `scripts/recipes/build_open_head.py`: one file per step of the recipe."""
