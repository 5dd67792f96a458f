"""Mails become rows of their own, which others than the notifier may add, too."""

from django.db import migrations, models

# Those that wait go on waiting, with the tries they have had.
MOVE = """
INSERT INTO mails (id, user_id, kind, notification_id, context, version, urgent, due, attempts,
                   settled_at, given_up)
SELECT gen_random_uuid(), user_id, 'NOTIFICATION', id, '{}', version, false, mail_after,
       mail_attempts, mailed_at, false
FROM notifications WHERE mail_after IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0002_begin_now"),
    ]

    operations = [
        migrations.CreateModel(
            name="Mail",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("user_id", models.UUIDField(db_index=True)),
                ("kind", models.CharField(max_length=20)),
                ("notification_id", models.UUIDField(null=True, unique=True)),
                ("context", models.JSONField()),
                ("version", models.IntegerField()),
                (
                    "urgent",
                    models.BooleanField(
                        help_text="somebody waits for it: it goes before the others"
                    ),
                ),
                ("due", models.DateTimeField(null=True)),
                ("attempts", models.SmallIntegerField()),
                ("claim", models.UUIDField(null=True)),
                ("settled_at", models.DateTimeField(null=True)),
                ("given_up", models.BooleanField()),
                ("error", models.CharField(max_length=200, null=True)),
            ],
            options={
                "db_table": "mails",
                "verbose_name": "mail given up",
                "verbose_name_plural": "mails given up",
            },
        ),
        migrations.RunSQL(MOVE, migrations.RunSQL.noop),
        migrations.RemoveIndex(
            model_name="notification",
            name="notifications_mails_due",
        ),
        migrations.RemoveField(
            model_name="notification",
            name="mail_after",
        ),
        migrations.RemoveField(
            model_name="notification",
            name="mail_attempts",
        ),
        migrations.RemoveField(
            model_name="notification",
            name="mailed_at",
        ),
        migrations.AddIndex(
            model_name="mail",
            index=models.Index(
                condition=models.Q(("due__isnull", False)),
                fields=["-urgent", "due"],
                name="mails_due",
            ),
        ),
        migrations.AddIndex(
            model_name="mail",
            index=models.Index(
                condition=models.Q(("due", None)), fields=["settled_at"], name="mails_settled"
            ),
        ),
        migrations.AddIndex(
            model_name="mail",
            index=models.Index(
                condition=models.Q(("given_up", True)),
                fields=["-settled_at"],
                name="mails_given_up",
            ),
        ),
    ]
