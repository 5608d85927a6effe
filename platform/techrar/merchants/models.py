"""Which rows say who a merchant is, who works there, and which programs may call in its name?"""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import uuid4

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower, Now

from techrar.core.mode import Mode


class UserManager(BaseUserManager["User"]):
    """People are found by e-mail address, whatever its case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in. What they may do is said by their memberships."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_is_lower_case")
        ]

    def __str__(self) -> str:
        return self.email


class Merchant(models.Model):
    """The tenant. Its id is an integer because every row of the ledger carries it."""

    id = models.AutoField(primary_key=True)
    slug = models.SlugField(max_length=63, unique=True)
    name = models.CharField(max_length=120)
    #: read through `quotas.MerchantSettings`, which knows the defaults
    settings = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.slug


class Role(models.TextChoices):
    """What a member may do; `roles.py` says it verb by verb."""

    OWNER = "owner", "Owner"
    MARKETER = "marketer", "Marketer"
    DEVELOPER = "developer", "Developer"
    VIEWER = "viewer", "Viewer"


class Member(models.Model):
    """A person's place in a merchant."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merchant", "user"], name="member_once_per_merchant")]

    def __str__(self) -> str:
        return f"{self.user_id}@{self.merchant_id}: {self.role}"


class ApiKey(models.Model):
    """A program's way in. Only a hash of the secret is kept."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="api_keys")
    mode = models.CharField(max_length=4, choices=[(mode.value, mode.value) for mode in Mode])
    name = models.CharField(max_length=120)
    public_id = models.CharField(max_length=16, unique=True)
    secret_hash = models.BinaryField(max_length=32)
    scopes = ArrayField(models.CharField(max_length=16))
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["merchant", "mode", "created_at", "id"], name="api_key_by_merchant")]
        constraints = [
            models.CheckConstraint(condition=models.Q(mode__in=[mode.value for mode in Mode]), name="api_key_mode")
        ]

    def __str__(self) -> str:
        return f"trk_{self.mode}_{self.public_id}"


class AuditEntry(models.Model):
    """Who did what, when. Rows are only ever added: the database refuses to change or delete one."""

    id = models.BigAutoField(primary_key=True)
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="+")
    mode = models.CharField(max_length=4, choices=[(mode.value, mode.value) for mode in Mode])
    at = models.DateTimeField()
    #: `key:<id>`, `user:<id>` or `system:<what>`
    actor = models.CharField(max_length=64)
    #: `<object>.<verb>`, such as `api_key.revoked`
    action = models.CharField(max_length=64)
    object_id = models.CharField(max_length=64)
    request_id = models.CharField(max_length=64, blank=True)
    details = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["merchant", "mode", "-at", "-id"], name="audit_by_merchant")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor} {self.action} {self.object_id}"
