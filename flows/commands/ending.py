"""How a command ends: its exit status, and one line about what went wrong."""

import typer

OK, FAILED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130


def refuse(error: Exception) -> typer.Exit:
    """Print a usage error and return the exit to raise; a library's own stack is left out."""
    message = str(error).partition("\n   0:")[0]
    typer.secho(f"facesift: {message}", fg="red", err=True)
    return typer.Exit(BAD_USAGE)
