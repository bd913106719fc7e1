"""Edited heads put back into the photographs and videos that they were fitted to."""
