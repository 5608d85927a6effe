"""Templates: what a merchant wrote once, turned into what one recipient reads."""
