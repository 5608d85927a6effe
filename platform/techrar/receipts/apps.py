from django.apps import AppConfig


class ReceiptsConfig(AppConfig):
    name = "techrar.receipts"
    label = "receipts"
