from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "techrar.notifications"
    label = "notifications"
