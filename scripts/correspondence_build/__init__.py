"""Steps of scripts/build_correspondence.py."""
