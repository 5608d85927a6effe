"""Which rows say who a recipient is, and which addresses are suppressed?

Both are read in sets by the ledger and by campaigns, so they carry the mode as the ledger writes it, and no foreign
keys that each of a million rows would have to check.
"""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class Recipient(models.Model):
    """A person a merchant talks to. Empty text means unknown, except for addresses: those are null."""

    id = models.BigAutoField(primary_key=True)
    merchant = models.ForeignKey(
        "merchants.Merchant", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    mode = models.SmallIntegerField()
    external_id = models.CharField(max_length=200)  #: the merchant's own id
    email = models.TextField(null=True)  # noqa: DJ001  # null: there is no such address
    phone = models.TextField(null=True)  # noqa: DJ001
    name = models.CharField(max_length=200, default="", db_default="")
    locale = models.CharField(max_length=35, default="", db_default="")
    timezone = models.CharField(max_length=64, default="", db_default="")
    country = models.CharField(max_length=2, default="", db_default="")
    attributes = models.JSONField(default=dict)
    last_login_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "recipient"
        constraints = [
            models.UniqueConstraint(fields=["merchant", "mode", "external_id"], name="recipient_external_id")
        ]
        # An audience is read in the order of ids, a slice at a time.
        indexes = [models.Index(fields=["merchant", "mode", "id"], name="recipient_by_merchant")]

    def __str__(self) -> str:
        return self.external_id


class Suppression(models.Model):
    """An address on one channel that is not written to, whoever asks and however urgent it is."""

    id = models.BigAutoField(primary_key=True)
    merchant = models.ForeignKey(
        "merchants.Merchant", on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    mode = models.SmallIntegerField()
    channel = models.CharField(max_length=24)
    address = models.TextField()  #: in the channel's one spelling
    reason = models.CharField(max_length=32)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "suppression"
        constraints = [
            models.UniqueConstraint(fields=["merchant", "mode", "channel", "address"], name="suppression_address")
        ]
        indexes = [models.Index(fields=["merchant", "mode", "id"], name="suppression_by_merchant")]

    def __str__(self) -> str:
        return f"{self.channel} {self.id}"
