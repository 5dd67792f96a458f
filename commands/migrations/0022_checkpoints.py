"""Checkpoints of the log with the tree they are roots of; only witnesses' progress ever changes."""

from django.db import migrations, models

APPEND_ONLY = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER subtrees_refuse_update_delete BEFORE UPDATE OR DELETE ON subtrees
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER subtrees_refuse_truncate BEFORE TRUNCATE ON subtrees
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER checkpoints_refuse_update_delete BEFORE UPDATE OR DELETE ON checkpoints
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER checkpoints_refuse_truncate BEFORE TRUNCATE ON checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER checkpoint_keys_refuse_update_delete BEFORE UPDATE OR DELETE ON checkpoint_keys
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER checkpoint_keys_refuse_truncate BEFORE TRUNCATE ON checkpoint_keys
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
DROP_APPEND_ONLY = "DROP FUNCTION refuse_change() CASCADE;"


class Migration(migrations.Migration):
    dependencies = [("commands", "0021_log_in_parts")]

    operations = [
        migrations.CreateModel(
            name="Subtree",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "level",
                        "number",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("level", models.SmallIntegerField()),
                ("number", models.BigIntegerField()),
                ("last_position", models.BigIntegerField(null=True)),
                ("root", models.BinaryField(max_length=32)),
            ],
            options={
                "db_table": "subtrees",
                "indexes": [
                    models.Index(
                        fields=["last_position"],
                        name="subtrees_by_position",
                        condition=models.Q(last_position__isnull=False),
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("number", models.IntegerField(primary_key=True, serialize=False)),
                ("size", models.BigIntegerField()),
                ("root", models.BinaryField(max_length=32)),
                ("made_at", models.DateTimeField(verbose_name="made")),
                ("previous", models.BinaryField(max_length=32)),
                ("key", models.CharField(max_length=64)),
                ("signature", models.BinaryField(max_length=64)),
                ("last_position", models.BigIntegerField()),
            ],
            options={"db_table": "checkpoints"},
        ),
        migrations.CreateModel(
            name="CheckpointKey",
            fields=[
                (
                    "fingerprint",
                    models.CharField(max_length=64, primary_key=True, serialize=False),
                ),
                ("public_key", models.BinaryField(max_length=32)),
                ("since", models.DateTimeField()),
            ],
            options={"db_table": "checkpoint_keys"},
        ),
        migrations.CreateModel(
            name="Witness",
            fields=[
                ("witness", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("sent", models.IntegerField()),
                ("attempts", models.IntegerField()),
                ("due", models.DateTimeField()),
            ],
            options={"db_table": "witnesses", "verbose_name_plural": "witnesses"},
        ),
        migrations.RunSQL(APPEND_ONLY, DROP_APPEND_ONLY),
    ]
