"""The layers of the networks, readable and with the key names of the official checkpoints; only these define layers."""
