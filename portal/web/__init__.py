"""The web process: server, middleware, messages from Redis, readiness and pages."""
