"""Pages, figures and 3D models from finished results."""
