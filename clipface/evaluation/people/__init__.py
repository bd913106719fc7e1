"""Random people: what they are like, measured by networks that nothing here is trained against, and in images."""
