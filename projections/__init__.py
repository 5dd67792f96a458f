"""The read side: events become MongoDB documents in the form the API serves."""
