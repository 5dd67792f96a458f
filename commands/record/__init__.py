"""How events and commands are written down: their JSON, its old forms, and the chain of hashes."""
