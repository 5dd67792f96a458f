"""Accepting commands as jobs: checks of their shape, deadlines, waiting, closing and sweeping."""
