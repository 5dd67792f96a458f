"""Deleted users are looked through for leftovers until nothing new can come, instead of all of them for ever."""

from django.db import migrations, models

# Those deleted before are looked through once more.
ALL_ONCE_MORE = "UPDATE users SET leftovers_due_at = deleted_at WHERE deleted_at IS NOT NULL"


class Migration(migrations.Migration):
    dependencies = [
        ("commands", "0010_sessions_going_on"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="leftovers_due_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.RunSQL(ALL_ONCE_MORE, migrations.RunSQL.noop),
    ]
