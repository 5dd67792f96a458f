"""Ticks that the house commits to, and policies that each draw names."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commands", "0002_append_only_events")]

    operations = [
        # Ticks from before had neither a commitment nor a stream.
        migrations.DeleteModel("PromoterTick"),
        migrations.CreateModel(
            name="PromoterTick",
            fields=[
                ("number", models.IntegerField(primary_key=True, serialize=False)),
                ("stream_id", models.UUIDField(unique=True)),
                ("version", models.IntegerField()),
                ("commitment", models.CharField(max_length=64)),
                ("secret", models.CharField(max_length=64)),
                ("committed_at", models.DateTimeField()),
                ("made_at", models.DateTimeField(null=True)),
                ("draws", models.IntegerField(null=True)),
                ("revealed_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "promoter_ticks",
                "indexes": [
                    models.Index(
                        condition=models.Q(("revealed_at", None)),
                        fields=["number"],
                        name="promoter_ticks_unrevealed",
                    ),
                    models.Index(
                        models.OrderBy(models.F("made_at"), descending=True, nulls_last=True),
                        name="promoter_ticks_latest",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PromoterPolicy",
            fields=[
                ("version", models.IntegerField(primary_key=True, serialize=False)),
                ("withdrawn", models.BooleanField()),
                ("chance", models.DecimalField(decimal_places=2, max_digits=5, null=True)),
                (
                    "weight",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), null=True, size=None
                    ),
                ),
                (
                    "exclude",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), null=True, size=None
                    ),
                ),
                (
                    "limits",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), null=True, size=None
                    ),
                ),
                ("changed_at", models.DateTimeField()),
                (
                    "auction",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="commands.auction",
                    ),
                ),
            ],
            options={"db_table": "promoter_policies", "verbose_name_plural": "promoter policies"},
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("type", "BidDoubled")),
                fields=["position"],
                name="events_draws",
            ),
        ),
        migrations.AddIndex(
            model_name="bid",
            index=models.Index(
                condition=models.Q(("doubled", True)), fields=["auction"], name="bids_doubled"
            ),
        ),
    ]
