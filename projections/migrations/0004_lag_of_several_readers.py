"""Each reader of events, the notifier too, has its own list of the streams it is behind with."""

from django.db import migrations, models

# In place: a stream that is on the list is found nowhere else.
ADD_READER = """
ALTER TABLE projection_lagging ADD COLUMN reader varchar(20) NOT NULL DEFAULT 'projections';
ALTER TABLE projection_lagging DROP CONSTRAINT projection_lagging_pkey;
ALTER TABLE projection_lagging ADD PRIMARY KEY (reader, stream_id);
"""
DROP_READER = """
DELETE FROM projection_lagging WHERE reader <> 'projections';
ALTER TABLE projection_lagging DROP CONSTRAINT projection_lagging_pkey;
ALTER TABLE projection_lagging DROP COLUMN reader;
ALTER TABLE projection_lagging ADD PRIMARY KEY (stream_id);
"""


class Migration(migrations.Migration):
    dependencies = [("projections", "0003_pruning")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(ADD_READER, DROP_READER)],
            state_operations=[
                migrations.DeleteModel(name="LaggingStream"),
                migrations.CreateModel(
                    name="LaggingStream",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "reader",
                                "stream_id",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("reader", models.CharField(db_default="projections", max_length=20)),
                        ("stream_id", models.UUIDField()),
                        ("stream_kind", models.CharField(max_length=10)),
                        ("version", models.IntegerField()),
                        ("since", models.DateTimeField()),
                    ],
                    options={"db_table": "projection_lagging"},
                ),
            ],
        ),
    ]
