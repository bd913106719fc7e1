"""Persons: photographs of real people as faces that are edited: their head, texture and nearest code."""
