"""The datasets that facesift can read."""

from model.datasets.bp4d import BP4D
from model.datasets.celeba import CELEBA
from model.datasets.crema_d import CREMA_D
from model.datasets.dataset import Dataset
from model.datasets.dfew import DFEW
from model.datasets.disfa import DISFA
from model.datasets.face_forensics import FACE_FORENSICS
from model.datasets.morph import MORPH
from model.datasets.raf_db import RAF_DB
from model.datasets.rendered import RENDERED
from model.datasets.utkface import UTKFACE

DATASETS = {
    dataset.name: dataset
    for dataset in (DFEW, CREMA_D, RAF_DB, DISFA, BP4D, CELEBA, MORPH, UTKFACE, FACE_FORENSICS, *RENDERED)
}
"""By name: the nine on which the Face-LLaVA paper reports, and rendered archives."""


def dataset_named(name: str) -> Dataset:
    """Return a dataset by its name; case, and what is neither letter nor digit, do not matter.

    Raises:
        ValueError: there is none.
    """
    for dataset in DATASETS.values():
        if _plain(name) in {_plain(dataset.name), _plain(dataset.title)}:
            return dataset
    raise ValueError(f"no dataset is called {name!r}; choose one of {', '.join(DATASETS)}")


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
