from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "techrar.ledger"
    label = "ledger"
