"""What everything else stands on: ids, errors, registry, crypto. No models, no Django."""
