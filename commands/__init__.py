"""The write side: accepts commands as jobs, decides them, and records events."""
