"""What a consumer process does with what arrives: one file per kind."""
