"""The rules that were chosen for an auction; those of before have none."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("commands", "0026_words_of_titles"),
    ]

    operations = [
        migrations.AddField("auction", "rules", models.JSONField(null=True)),
        migrations.AddField("auction", "extensions", models.IntegerField(db_default=0)),
    ]
