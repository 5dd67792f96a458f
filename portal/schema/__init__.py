"""The GraphQL schema. Its printed form is committed as schema.graphql."""

import strawberry
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from portal.schema.errors import ErrorCodes
from portal.schema.events import EVENT_TYPES
from portal.schema.mutations import Mutation
from portal.schema.queries import Query
from portal.schema.scalars import SCALARS
from portal.schema.subscriptions import Subscription

# Clients send few different documents, and parsing one costs more than answering it.
CACHED_DOCUMENTS = 500

schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=EVENT_TYPES,
    extensions=[
        ErrorCodes,
        lambda: ParserCache(maxsize=CACHED_DOCUMENTS),
        lambda: ValidationCache(maxsize=CACHED_DOCUMENTS),
    ],
    config=StrawberryConfig(scalar_map=SCALARS),
)
