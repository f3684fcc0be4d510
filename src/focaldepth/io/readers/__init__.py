"""One reader per file format; a reader opens files and computes no depth."""
