"""The browser editor: `python -m clipface.view`."""
