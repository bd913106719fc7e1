"""Edits scored: by which protocol, against which others, and reported in tables and sheets."""
