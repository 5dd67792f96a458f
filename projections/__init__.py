"""The read side: projects events into MongoDB documents in the form that the API serves."""
