"""Through which of a merchant's provider accounts does a delivery go?"""
