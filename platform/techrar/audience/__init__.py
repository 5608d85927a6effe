"""The people a merchant talks to."""
