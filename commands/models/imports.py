"""The import that a portal's record began with."""

from django.db import models


class Import(models.Model):
    """How far the import has come; a portal whose record began here has no row.

    `lines` of the file are in the tables, `digest` is the SHA-256 of these. Until it is
    finished, nothing else may append events.
    """

    id = models.SmallIntegerField(primary_key=True)
    lines = models.BigIntegerField()
    digest = models.BinaryField(max_length=32)
    began_at = models.DateTimeField("began")
    finished_at = models.DateTimeField("finished", null=True)

    class Meta:
        db_table = "imports"
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="imports_only_one"),)

    def __str__(self) -> str:
        return f"import of {self.lines} lines"
