"""Handling accepted jobs: one transaction takes a stream's waiting jobs, decides and settles them.

Settling a job and appending its events are one transaction, so a job takes effect exactly once,
even if a process dies in between or several workers drain the same stream.
"""
