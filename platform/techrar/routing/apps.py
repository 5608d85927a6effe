"""Registers the routing app."""

from __future__ import annotations

from django.apps import AppConfig


class RoutingConfig(AppConfig):
    name = "techrar.routing"
    label = "routing"
