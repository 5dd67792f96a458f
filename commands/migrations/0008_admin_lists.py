"""Labels of admin's fields, and the indexes of its lists: built while the portal goes on."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.contrib.postgres.search import SearchVector
from django.db import migrations, models
from django.db.models.functions import Collate, Lower


class Migration(migrations.Migration):
    # Indexes are built concurrently, which is not possible inside a transaction.
    atomic = False

    dependencies = [
        ("commands", "0007_sessions"),
    ]

    operations = [
        migrations.AlterField(
            model_name="auction",
            name="ends_at",
            field=models.DateTimeField(verbose_name="ends"),
        ),
        migrations.AlterField(
            model_name="auction",
            name="starts_at",
            field=models.DateTimeField(verbose_name="starts"),
        ),
        migrations.AlterField(
            model_name="bid",
            name="effective_amount",
            field=models.DecimalField(decimal_places=2, max_digits=13, verbose_name="counts"),
        ),
        migrations.AlterField(
            model_name="bid",
            name="placed_at",
            field=models.DateTimeField(verbose_name="placed"),
        ),
        migrations.AlterField(
            model_name="event",
            name="recorded_at",
            field=models.DateTimeField(verbose_name="recorded"),
        ),
        migrations.AlterField(
            model_name="job",
            name="accepted_at",
            field=models.DateTimeField(verbose_name="accepted"),
        ),
        migrations.AlterField(
            model_name="job",
            name="attempts",
            field=models.SmallIntegerField(db_default=0, verbose_name="faults met"),
        ),
        migrations.AlterField(
            model_name="job",
            name="expires_at",
            field=models.DateTimeField(null=True, verbose_name="expires"),
        ),
        migrations.AlterField(
            model_name="job",
            name="result_version",
            field=models.IntegerField(null=True, verbose_name="version reached"),
        ),
        migrations.AlterField(
            model_name="job",
            name="settled_at",
            field=models.DateTimeField(null=True, verbose_name="settled"),
        ),
        migrations.AlterField(
            model_name="promoterpolicy",
            name="changed_at",
            field=models.DateTimeField(verbose_name="since"),
        ),
        migrations.AlterField(
            model_name="promotertick",
            name="committed_at",
            field=models.DateTimeField(verbose_name="committed"),
        ),
        migrations.AlterField(
            model_name="promotertick",
            name="made_at",
            field=models.DateTimeField(null=True, verbose_name="made"),
        ),
        migrations.AlterField(
            model_name="promotertick",
            name="revealed_at",
            field=models.DateTimeField(null=True, verbose_name="revealed"),
        ),
        migrations.AlterField(
            model_name="user",
            name="created_at",
            field=models.DateTimeField(verbose_name="created"),
        ),
        migrations.AlterField(
            model_name="user",
            name="deleted_at",
            field=models.DateTimeField(null=True, verbose_name="deleted"),
        ),
        migrations.AlterField(
            model_name="user",
            name="is_staff",
            field=models.BooleanField(default=False, verbose_name="staff"),
        ),
        AddIndexConcurrently(
            model_name="auction",
            index=models.Index(fields=["ends_at"], name="auctions_by_end"),
        ),
        AddIndexConcurrently(
            model_name="auction",
            index=GinIndex(
                SearchVector("title", config="simple"),
                name="auctions_title_words",
            ),
        ),
        AddIndexConcurrently(
            model_name="bid",
            index=models.Index(
                condition=models.Q(("deleted", True)),
                fields=["auction", "id"],
                name="bids_deleted_of_auction",
            ),
        ),
        AddIndexConcurrently(
            model_name="bid",
            index=models.Index(
                condition=models.Q(("deleted", True)),
                fields=["bidder", "id"],
                name="bids_deleted_of_bidder",
            ),
        ),
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                condition=models.Q(
                    ("type__in", ("BidPlaced", "BidDeleted", "BidDoubled")), _negated=True
                ),
                fields=["type", "position"],
                name="events_of_rarer_types",
            ),
        ),
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                condition=models.Q(("rejection_code__isnull", False)),
                fields=["rejection_code", "id"],
                name="jobs_rejected",
            ),
        ),
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                condition=models.Q(
                    ("command__in", ("PlaceBid", "DeleteBid", "DoubleBid")), _negated=True
                ),
                fields=["command", "id"],
                name="jobs_of_rarer_commands",
            ),
        ),
        AddIndexConcurrently(
            model_name="user",
            index=models.Index(
                Collate(Lower("username"), "C"),
                name="users_by_beginning",
            ),
        ),
        AddIndexConcurrently(
            model_name="user",
            index=models.Index(
                condition=models.Q(("is_staff", True)), fields=["id"], name="users_staff"
            ),
        ),
    ]
