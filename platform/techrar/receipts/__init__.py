"""What vendors tell us later: verified, stored, then applied in sets."""
