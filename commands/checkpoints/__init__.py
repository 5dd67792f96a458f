"""Checkpoints of the log: making and signing them, verifying the log by them, and telling witnesses."""
