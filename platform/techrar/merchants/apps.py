"""Registers the merchants app."""

from __future__ import annotations

from django.apps import AppConfig


class MerchantsConfig(AppConfig):
    name = "techrar.merchants"
    label = "merchants"
    default_auto_field = "django.db.models.AutoField"
