"""What real cameras do wrong, with the true transforms: `apply` puts any of them on perfect frames."""
