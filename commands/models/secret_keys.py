"""Keys that values in events are sealed with."""

from django.db import models


class SecretKey(models.Model):
    """The key of a user or an auction. It is made once, never changed, and destroyed with its owner."""

    owner_id = models.UUIDField(primary_key=True, editable=False)
    key = models.BinaryField(max_length=32)

    class Meta:
        db_table = "secret_keys"

    def __str__(self) -> str:
        return f"key of {self.owner_id}"
