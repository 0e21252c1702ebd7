"""`python -m flows` is `facesift`."""

from flows.cli import main

if __name__ == "__main__":  # the renderer's processes import this module, too
    main()
