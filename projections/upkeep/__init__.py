"""Keeping documents right: what lags, what is stuck, what differs, and building all anew."""
