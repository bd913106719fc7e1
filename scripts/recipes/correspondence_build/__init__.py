"""Steps of scripts/recipes/build_correspondence.py."""
