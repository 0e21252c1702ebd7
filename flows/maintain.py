"""The upkeep of a lake as a flow: by a schedule, or after a night that has left many files."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from prefect import flow

from storage.lake import Lake
from storage.maintenance import DUE_FILES, MaintenanceAccount, MaintenanceConfig
from storage.maintenance import maintain as maintain_lake


@dataclass(frozen=True, slots=True)
class Upkeep:
    """When and how a night is followed by maintenance."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    due_files: int = DUE_FILES
    """A lake is due when one of its tables has so many files; 0 maintains every night."""
    config: MaintenanceConfig = field(default_factory=MaintenanceConfig)


class UnsoundLakeError(Exception):
    """A check found rows that must not be.

    Args:
        account: of the maintenance that ran it.
    """

    def __init__(self, account: MaintenanceAccount) -> None:
        super().__init__(account)
        self.account = account

    def __str__(self) -> str:
        found = ", ".join(f"{name} ({rows} rows)" for name, rows in self.account.checks.items() if rows)
        return f"checks of {self.account.lake} found what must not be: {found}; facesift status says more"


@flow(name="facesift-maintain", persist_result=False)
def maintain(lake: str, config: MaintenanceConfig = MaintenanceConfig()) -> MaintenanceAccount:  # noqa: B008 - frozen
    """Bring a lake into order, and run every check over it.

    Args:
        lake: folder or `s3://bucket/folder`.
        config: how long what is not needed any more is kept.

    Raises:
        LakeError: there is no lake, or a table could not be changed.
        UnsoundLakeError: a check found something; the maintenance itself is done.
    """
    account = maintain_lake(Lake.open(lake), config)
    if not account.is_sound:
        raise UnsoundLakeError(account)
    return account
