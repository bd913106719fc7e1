"""Readers by the room of the package that they are in: of each a small valid file, written as it is usually written."""
