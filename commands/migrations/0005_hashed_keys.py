"""Idempotency keys are stored as keyed hashes, and forgotten a week after their job was settled."""

from datetime import timedelta
from typing import Any

from django.db import migrations, models
from django.utils import timezone
from django.utils.crypto import salted_hmac

AT_ONCE = 1000


def hash_keys(apps: Any, _: Any) -> None:
    """As commands.inbox.keys does it; what is older than keys last, or nobody's, is forgotten."""
    keyed = apps.get_model("commands", "Job").objects.filter(idempotency_key__isnull=False)
    people = keyed.exclude(idempotency_scope="system")
    people.filter(settled_at__lt=timezone.now() - timedelta(days=7)).update(idempotency_key=None)
    # Their hash takes what they asked for, which is not kept.
    people.filter(idempotency_scope="anonymous").update(idempotency_key=None)
    some = []
    for job in people.only("idempotency_scope", "idempotency_key").iterator(AT_ONCE):
        text = "\0".join((job.idempotency_scope, job.idempotency_key, ""))
        hashed = salted_hmac("commands.idempotency-key", text, algorithm="sha256")
        job.idempotency_key = hashed.hexdigest()
        some.append(job)
        if len(some) == AT_ONCE:
            keyed.bulk_update(some, ["idempotency_key"])
            some = []
    keyed.bulk_update(some, ["idempotency_key"])


class Migration(migrations.Migration):
    dependencies = [("commands", "0004_retrying_and_redriving")]

    operations = [
        migrations.RunPython(hash_keys, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                fields=["settled_at"],
                name="jobs_with_key",
                condition=models.Q(idempotency_key__isnull=False, settled_at__isnull=False)
                & ~models.Q(idempotency_scope="system"),
            ),
        ),
    ]
