"""Signing in: sessions and their tokens, rate limits, and the form of admin."""
