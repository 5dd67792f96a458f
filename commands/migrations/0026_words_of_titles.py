"""Titles' words are told apart at each joining sign; the index is built while the portal goes on."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.contrib.postgres.search import SearchVector
from django.db import migrations
from django.db.models import F, Func, Value

from commands.postgres.indexes import BuildIndex


class Migration(migrations.Migration):
    # Indexes are built concurrently, which is not possible inside a transaction.
    atomic = False

    dependencies = [
        ("commands", "0025_rounds_of_the_beacon"),
    ]

    operations = [
        BuildIndex(
            model_name="auction",
            index=GinIndex(
                SearchVector(
                    Func(F("title"), Value("-+./:@<>&"), Value(" " * 9), function="TRANSLATE"),
                    config="simple",
                ),
                name="auctions_words",
            ),
        ),
        RemoveIndexConcurrently("auction", "auctions_title_words"),
    ]
