"""Addresses are confirmed before mail goes there; those from before are asked, too."""

from django.db import migrations, models
from django.db.models.functions import Lower

ASK = """
UPDATE users SET confirmation_due_at = clock_timestamp()
WHERE email IS NOT NULL AND deleted_at IS NULL
"""


class Migration(migrations.Migration):
    # An index can't be made in the transaction that changed the table's rows.
    atomic = False
    dependencies = [("commands", "0008_admin_lists")]

    operations = [
        migrations.AddField("user", "email_confirmed_at", models.DateTimeField(null=True)),
        migrations.AddField("user", "confirmation_due_at", models.DateTimeField(null=True)),
        migrations.RunSQL(ASK, migrations.RunSQL.noop),
        migrations.AddIndex(
            "user",
            models.Index(
                Lower("email"), name="users_email", condition=models.Q(email__isnull=False)
            ),
        ),
        migrations.AddIndex(
            "user",
            models.Index(
                fields=["confirmation_due_at"],
                name="users_confirmation_due",
                condition=models.Q(confirmation_due_at__isnull=False),
            ),
        ),
    ]
