"""``python -m focaldepth`` is the command ``focaldepth``."""

from focaldepth.cli import main

if __name__ == "__main__":
    main()
