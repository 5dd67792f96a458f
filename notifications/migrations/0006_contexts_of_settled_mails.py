"""Mails that were sent or given up keep nothing of what they were made of, those from before included."""

from django.db import migrations

FORGET = "UPDATE mails SET context = '{}' WHERE due IS NULL AND context <> '{}'"


class Migration(migrations.Migration):
    dependencies = [("notifications", "0005_outbid")]

    operations = [migrations.RunSQL(FORGET, migrations.RunSQL.noop)]
