from django.apps import AppConfig


class TemplatingConfig(AppConfig):
    name = "techrar.templating"
    label = "templating"
