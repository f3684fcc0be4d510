"""Random changes of training examples, as the papers make them; `Augmentation` is the way in."""

from focaldepth.training.augment.augmentation import Augmentation

__all__ = ["Augmentation"]
