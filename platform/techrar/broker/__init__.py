"""RabbitMQ seen from the service: what travels (envelope), where (topology), and how it gets there (publisher)."""
