"""Pages, figures and 3D models from finished results; nothing here changes a number."""
