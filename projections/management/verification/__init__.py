"""How `verify_events` goes through all streams: by several processes, and on from where it was killed."""
