from django.apps import AppConfig


class TrackingConfig(AppConfig):
    name = "techrar.tracking"
    label = "tracking"
