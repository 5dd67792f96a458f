"""Events and commands as stored: JSON, upcasters for older forms, and the chain of hashes."""
