"""Training of networks: examples, augmentation, losses and the loop."""
