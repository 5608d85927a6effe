from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "techrar.campaigns"
    label = "campaigns"

    def ready(self) -> None:
        from techrar.campaigns import runner
        from techrar.dispatch import process

        process.SESSIONS["campaigns"] = runner.session
