"""One file for each row of `make bench`."""
