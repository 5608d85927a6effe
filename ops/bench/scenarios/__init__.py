"""One file for each thing that is measured; `ops.bench.__main__` lists them in their order."""
