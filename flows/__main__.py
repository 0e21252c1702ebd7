"""`python -m flows` is `facesift`."""

from flows.cli import main

main()
