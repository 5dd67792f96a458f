"""Sessions: refresh tokens have numbers, sessions an end they can't be refreshed beyond.

A token from before is number 0 of its session, and what was its hash is the seed of those to come.
"""

import django.db.models.deletion
from django.db import migrations, models

# A session that was ended early has expired when that was done.
END = "UPDATE sessions SET expires_at = least(expires_at, revoked_at) WHERE revoked_at IS NOT NULL"
USE = "UPDATE sessions SET used_at = created_at"


class Migration(migrations.Migration):
    dependencies = [("commands", "0006_money")]

    operations = [
        migrations.RunSQL(END, migrations.RunSQL.noop),
        migrations.RemoveField("session", "revoked_at"),
        migrations.RenameField("session", "refresh_hash", "seed"),
        migrations.AddField(
            "session", "generation", models.IntegerField(default=0), preserve_default=False
        ),
        migrations.AddField("session", "used_at", models.DateTimeField(null=True)),
        migrations.RunSQL(USE, migrations.RunSQL.noop),
        migrations.AlterField("session", "used_at", models.DateTimeField()),
        migrations.AlterField(
            "session",
            "user",
            models.ForeignKey(
                "commands.user", on_delete=django.db.models.deletion.CASCADE, db_index=False
            ),
        ),
        migrations.AddIndex(
            "session",
            models.Index(fields=["user", "-created_at", "-id"], name="sessions_of_user"),
        ),
        migrations.AddIndex("session", models.Index(fields=["expires_at"], name="sessions_ended")),
    ]
