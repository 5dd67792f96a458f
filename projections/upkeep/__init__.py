"""Keeping documents right: lag, stuck streams, audit, verification and rebuilding."""
