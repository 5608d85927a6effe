"""Who is in an audience? One file per rule below `rules/`; campaigns ask here."""
