from django.apps import AppConfig


class AudienceConfig(AppConfig):
    name = "techrar.audience"
    label = "audience"
