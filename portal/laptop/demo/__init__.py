"""The demo: a live auction played against a running portal by outside clients."""
