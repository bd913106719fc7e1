"""Files of the first implementation, with random numbers in them."""
