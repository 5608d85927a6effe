"""The truth: one row per delivery, its states, its events, its tallies. Nothing is sent that is not written here
first.
"""
