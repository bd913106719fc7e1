"""Parts of build_people.py."""
