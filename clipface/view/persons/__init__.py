"""People of own photographs in the page: fitted by a child process, kept in files, seen by whom they belong to."""
