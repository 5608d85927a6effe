"""Which rows say through whom a merchant sends, and in whose name?"""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from techrar.core.mode import Mode

_MODES = [mode.value for mode in Mode]


class ProviderAccount(models.Model):
    """A merchant's configured, credentialed use of one provider on one channel."""

    merchant = models.ForeignKey("merchants.Merchant", on_delete=models.CASCADE, related_name="provider_accounts")
    mode = models.CharField(max_length=4, choices=[(mode, mode) for mode in _MODES])
    channel = models.CharField(max_length=24)
    provider = models.CharField(max_length=40)
    name = models.CharField(max_length=120)
    #: the unguessable part of `/hooks/{provider}/{token}`
    token = models.CharField(max_length=64, unique=True)
    #: the provider's `Config` as JSON, sealed by `core.crypto` for this merchant and token
    config = models.BinaryField()
    sandbox = models.BooleanField()
    position = models.IntegerField(default=0)
    weight = models.PositiveIntegerField(default=1)
    enabled = models.BooleanField(default=True)
    #: why nothing is sent through it for now; empty when it works
    paused_reason = models.CharField(max_length=200, blank=True, default="")
    #: calls in flight per process, instead of what the provider suggests
    concurrency = models.PositiveIntegerField(null=True)
    #: messages a second, of all processes together
    rate_limit = models.PositiveIntegerField(null=True)
    #: what one message costs, in millionths, to compare accounts by
    price_micros = models.BigIntegerField(db_default=0)
    #: prefixes of the addresses it serves, such as +966, with spaces between; empty for all
    prefixes = models.TextField(db_default="")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "mode", "channel", "name"], name="account_name_once"),
            models.CheckConstraint(condition=models.Q(mode__in=_MODES), name="account_mode"),
            # The second net under "test mode never reaches a real vendor".
            models.CheckConstraint(
                condition=models.Q(mode=Mode.LIVE.value) | models.Q(sandbox=True), name="account_test_is_sandbox"
            ),
            models.CheckConstraint(
                condition=models.Q(concurrency__isnull=True) | models.Q(concurrency__gte=1), name="account_concurrency"
            ),
            models.CheckConstraint(
                condition=models.Q(rate_limit__isnull=True) | models.Q(rate_limit__gte=1), name="account_rate_limit"
            ),
            models.CheckConstraint(condition=models.Q(price_micros__gte=0), name="account_price"),
        ]

    def __str__(self) -> str:
        return f"{self.channel}.{self.provider} {self.name}"


class Sender(models.Model):
    """A merchant's named "from" on one channel."""

    merchant = models.ForeignKey("merchants.Merchant", on_delete=models.CASCADE, related_name="senders")
    mode = models.CharField(max_length=4, choices=[(mode, mode) for mode in _MODES])
    channel = models.CharField(max_length=24)
    #: what a send's `from` says
    key = models.SlugField(max_length=63)
    address = models.CharField(max_length=320)
    name = models.CharField(max_length=200, blank=True, default="")
    reply_to = models.CharField(max_length=320, blank=True, default="")
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "mode", "channel", "key"], name="sender_key_once"),
            models.UniqueConstraint(
                fields=["merchant", "mode", "channel"],
                condition=models.Q(is_default=True),
                name="sender_one_default",
            ),
            models.CheckConstraint(condition=models.Q(mode__in=_MODES), name="sender_mode"),
        ]

    def __str__(self) -> str:
        return f"{self.channel}.{self.key}"
