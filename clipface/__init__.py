"""Editing textured 3D faces with words."""
