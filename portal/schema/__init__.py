"""The GraphQL schema. Its printed form is committed as schema.graphql."""

import strawberry
from django.conf import settings
from graphql import GraphQLError
from strawberry.extensions import DisableIntrospection
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from portal.schema.bounds import BoundedParsing, BoundedTime, BoundedValidation
from portal.schema.context import TellReads
from portal.schema.documents import REMEMBERED
from portal.schema.errors import ErrorCodes, NamedOperation, SubscriptionsOverWebSocket
from portal.schema.events import EVENT_TYPES
from portal.schema.mutations import Mutation
from portal.schema.queries import Query
from portal.schema.scalars import SCALARS
from portal.schema.subscriptions import Subscription


class PortalSchema(strawberry.Schema):
    """Strawberry's schema, except that what clients got wrong is not logged as a crash."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """ErrorCodes has logged what was unexpected."""


schema = PortalSchema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=EVENT_TYPES,
    extensions=[
        ErrorCodes,
        SubscriptionsOverWebSocket,
        *([] if settings.INTROSPECTION else [DisableIntrospection]),
        BoundedParsing,
        lambda: BoundedValidation(maxsize=REMEMBERED),
        NamedOperation,
        BoundedTime,
        TellReads,
    ],
    config=StrawberryConfig(
        scalar_map=SCALARS, disable_field_suggestions=not settings.INTROSPECTION
    ),
)
