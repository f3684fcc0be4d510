"""Facts, units and contracts that every other folder builds on."""
