"""How work is taken, paced and handed back: sources, pipeline, retry. No Django, no models."""
