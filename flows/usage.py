"""What a user can get wrong before anything is done."""


class UsageError(ValueError):
    """The request itself is at fault, not a video: nothing was read and nothing was written."""
