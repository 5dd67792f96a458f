"""Checkpoints of the log, the tree they are the roots of, and how far witnesses have been told."""

from django.db import models


class Subtree(models.Model):
    """A complete subtree of at least 256 events. Those of 256 name the position of their last event."""

    pk = models.CompositePrimaryKey("level", "number")
    level = models.SmallIntegerField()
    number = models.BigIntegerField()
    last_position = models.BigIntegerField(null=True)
    root = models.BinaryField(max_length=32)

    class Meta:
        db_table = "subtrees"
        indexes = (
            models.Index(
                fields=["last_position"],
                name="subtrees_by_position",
                condition=models.Q(last_position__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"subtree {self.number} of level {self.level}"


class Checkpoint(models.Model):
    """A signed checkpoint; `last_position` is of the last event that it covers. Triggers refuse changes."""

    number = models.IntegerField(primary_key=True)
    size = models.BigIntegerField()
    root = models.BinaryField(max_length=32)
    made_at = models.DateTimeField("made")
    previous = models.BinaryField(max_length=32)
    key = models.CharField(max_length=64)
    signature = models.BinaryField(max_length=64)
    last_position = models.BigIntegerField()

    class Meta:
        db_table = "checkpoints"

    def __str__(self) -> str:
        return f"checkpoint {self.number}"


class CheckpointKey(models.Model):
    """A public key that checkpoints were ever signed with."""

    fingerprint = models.CharField(primary_key=True, max_length=64)
    public_key = models.BinaryField(max_length=32)
    since = models.DateTimeField()

    class Meta:
        db_table = "checkpoint_keys"

    def __str__(self) -> str:
        return self.fingerprint


class Witness(models.Model):
    """Where checkpoints are sent: the last one that was taken, failed attempts since, and when the next is due.

    `witness` is the SHA-256 of its URL, which may hold a secret.
    """

    witness = models.CharField(primary_key=True, max_length=64)
    sent = models.IntegerField()
    attempts = models.IntegerField()
    due = models.DateTimeField()

    class Meta:
        db_table = "witnesses"
        verbose_name_plural = "witnesses"

    def __str__(self) -> str:
        return f"witness at checkpoint {self.sent}"
