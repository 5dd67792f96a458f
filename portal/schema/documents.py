"""Documents of operations, each parsed once for all that is to be known of it."""

from functools import lru_cache

from django.conf import settings
from graphql import DocumentNode, parse

# Clients send few different documents, and parsing one costs more than answering it.
REMEMBERED = 500


@lru_cache(REMEMBERED)
def parsed(query: str) -> DocumentNode:
    """The text's document; GraphQLError if it is none, or has more tokens than allowed."""
    return parse(query, max_tokens=settings.QUERY_TOKENS)
