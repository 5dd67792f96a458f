"""What `make bench` measures, on embedded servers of its own."""
