"""Edits of the same faces side by side: what they look like, and what they score."""
