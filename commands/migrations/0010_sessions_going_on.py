"""A user's sessions that go on are found without those that ended."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commands", "0009_confirmed_addresses")]

    operations = [
        migrations.RemoveIndex("session", "sessions_of_user"),
        migrations.AddIndex(
            "session",
            models.Index(fields=["user", "expires_at"], name="sessions_of_user_going_on"),
        ),
    ]
