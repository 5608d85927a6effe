from django.apps import AppConfig


class DispatchConfig(AppConfig):
    name = "techrar.dispatch"
    label = "dispatch"
