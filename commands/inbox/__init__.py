"""Commands on their way in: their shape, their deadlines, and accepting them as jobs."""
