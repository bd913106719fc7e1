"""Photograph → head parameters, camera, light, mask and texture."""
