"""The web process: serving, headers, bodies, news from Redis, readiness, pages."""
