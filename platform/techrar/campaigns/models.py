"""Which rows hold what a merchant wants to tell many people, and what a launch froze of it?"""

from __future__ import annotations

from django.db import models

from techrar.core.mode import Mode

_MODES = [(mode.value, mode.value) for mode in Mode]


class CampaignState(models.TextChoices):
    DRAFT = "draft", "Draft"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    COMPLETED = "completed", "Completed"
    CANCELLED = "cancelled", "Cancelled"


class Campaign(models.Model):
    """What can be edited until it is launched."""

    id = models.UUIDField(primary_key=True, editable=False)
    merchant = models.ForeignKey("merchants.Merchant", on_delete=models.CASCADE, related_name="+")
    mode = models.CharField(max_length=4, choices=_MODES)
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=9, choices=CampaignState.choices, default=CampaignState.DRAFT)
    #: why the service itself paused it; empty when it did not
    trouble = models.CharField(max_length=500, default="", blank=True)
    segment = models.JSONField(null=True)  #: a tree of rules; null is everybody
    channel = models.CharField(max_length=24)
    #: `[{name, template, version?, weight}]`, at least one
    variants = models.JSONField()
    locale = models.CharField(max_length=35, default="", blank=True)  #: for recipients who have none
    category = models.CharField(max_length=50, default="", blank=True)
    sender = models.CharField(max_length=100, default="", blank=True)
    data = models.JSONField(default=dict)
    throttle = models.PositiveIntegerField(default=0)  #: messages per second; 0 is as fast as it goes
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["merchant", "mode", "-created_at", "-id"], name="campaign_by_merchant")]

    def __str__(self) -> str:
        return self.name


class Run(models.Model):
    """One launch, and all that it froze. Its id is the ledger's `run_id`."""

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="runs")
    merchant = models.ForeignKey("merchants.Merchant", on_delete=models.CASCADE, related_name="+")
    mode = models.CharField(max_length=4, choices=_MODES)
    state = models.CharField(max_length=9, choices=CampaignState.choices, default=CampaignState.RUNNING)
    #: the milliseconds that its deliveries' ids begin with; no two runs share them
    ms = models.BigIntegerField(unique=True)
    as_of = models.DateTimeField()  #: what "14 days ago" counts from
    segment = models.JSONField(null=True)
    highest_recipient_id = models.BigIntegerField()  #: who comes later is not part of it
    flow_id = models.BigIntegerField()
    channel = models.CharField(max_length=24)
    category = models.CharField(max_length=50)
    priority = models.SmallIntegerField()
    #: `[{name, template, version, version_id, weight}]`; a delivery's `variant` is the place in it
    variants = models.JSONField()
    locale = models.CharField(max_length=35, default="")
    sender = models.JSONField(default=dict)
    data = models.JSONField(default=dict)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        # What the dispatchers look at.
        indexes = [models.Index(fields=["id"], condition=models.Q(finished_at=None), name="run_unfinished")]

    def __str__(self) -> str:
        return f"run {self.pk}"
