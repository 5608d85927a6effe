"""Which rows hold what merchants wrote?

A version's content never changes (the database refuses it), so a process may remember it for ever; what changes is
which version is published.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from techrar.core.mode import Mode

_MODES = [(mode.value, mode.value) for mode in Mode]


class Template(models.Model):
    id = models.UUIDField(primary_key=True, editable=False)
    merchant = models.ForeignKey("merchants.Merchant", on_delete=models.CASCADE, related_name="+")
    mode = models.CharField(max_length=4, choices=_MODES)
    #: what a send names; free again once the template is archived
    key = models.CharField(max_length=64)
    name = models.CharField(max_length=120)
    #: fixed: consent was given to a category, so a template does not wander from one to another
    category = models.CharField(max_length=32)
    published_version = models.ForeignKey("TemplateVersion", null=True, on_delete=models.RESTRICT, related_name="+")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "mode", "key"], condition=Q(archived_at=None), name="template_key_is_unique"
            ),
            models.CheckConstraint(condition=Q(mode__in=[mode.value for mode in Mode]), name="template_mode"),
        ]

    def __str__(self) -> str:
        return self.key


class VersionState(models.TextChoices):
    DRAFT = "draft", "Draft"  #: never been published
    PUBLISHED = "published", "Published"  #: what a send without a version number gets
    RETIRED = "retired", "Retired"  #: was published once; can be again, and can be asked for by number


class TemplateVersion(models.Model):
    id = models.UUIDField(primary_key=True, editable=False)
    merchant = models.ForeignKey("merchants.Merchant", on_delete=models.CASCADE, related_name="+")
    mode = models.CharField(max_length=4, choices=_MODES)
    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=9, choices=VersionState.choices, default=VersionState.DRAFT)
    #: `{channel: {field: source}}`
    content = models.JSONField()
    #: `{locale: {channel: {field: source}}}`
    translations = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=64)
    published_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["template", "number"], name="template_version_number_is_unique"),
            models.UniqueConstraint(
                fields=["template"], condition=Q(state="published"), name="template_has_one_published_version"
            ),
            models.CheckConstraint(condition=Q(state__in=VersionState.values), name="template_version_state"),
        ]

    def __str__(self) -> str:
        return f"{self.template_id} v{self.number}"
