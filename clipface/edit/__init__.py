"""Codes and words become changed codes: the mappers that a prompt trains, and the frozen avatar they steer."""
