"""One message to many: campaigns, their runs, and how a run becomes deliveries."""
