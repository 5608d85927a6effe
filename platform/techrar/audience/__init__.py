"""Whom does a merchant talk to, and which addresses must not be written to any more?"""
