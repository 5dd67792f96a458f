"""Handling accepted jobs: one transaction takes a stream's waiting jobs, decides, records and settles them.

Settling a job and appending its events commit together, so a job takes effect exactly
once, whatever dies in between and however many workers drain the same stream.
"""
