"""The Techrar Notification Service: the Django project package."""
