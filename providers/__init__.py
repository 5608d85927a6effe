"""One folder per channel, one file per vendor: everything a vendor says stays below this folder. No Django here."""
