"""The documents in MongoDB: stored, switched between generations, and read."""
