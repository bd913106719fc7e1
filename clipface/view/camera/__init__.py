"""A camera of the machine that runs the page: its images, read and fitted by a child process, move a tab's head."""
