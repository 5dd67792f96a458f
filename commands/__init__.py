"""The write side: commands are accepted as jobs, decided by the domain, and recorded as events."""
