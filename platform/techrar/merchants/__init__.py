"""Who may ask for what: merchants, their members, their API keys, and what was done in their name."""
