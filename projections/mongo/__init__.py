"""Documents in MongoDB: storing, reading, and switching between generations."""
