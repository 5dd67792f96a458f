"""The write side's adapters for Postgres."""
