"""Which variant does a recipient get, and what may be concluded? One file per strategy below `strategies/`."""
