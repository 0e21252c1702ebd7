"""What is known of rendered clips, as `model.training.priming` takes it."""

from collections.abc import Sequence

import numpy as np

from model.prompting.labels import ACTION_UNITS, EXPRESSIONS
from model.synthetic.attributes import ATTRIBUTES
from model.synthetic.film import Label
from model.synthetic.manipulation import KINDS
from model.training.priming import Truths

_EXPRESSIONS = tuple(label.name for label in EXPRESSIONS)
_UNITS = tuple(label.name for label in ACTION_UNITS)


def truths_of(labels: Sequence[Label], seen: Sequence[Sequence[bool]]) -> Truths:
    """Return the truths of clips: expression and forgery, action units, attributes, age.

    Args:
        labels: of each clip.
        seen: per clip and frame whether it shows what the label says.
    """
    forgeries = (None, *KINDS)
    return Truths(
        classes=(
            np.array([_EXPRESSIONS.index(label.expression) for label in labels]),
            np.array([list[str | None](forgeries).index(label.manipulation) for label in labels]),
        ),
        counts=(len(_EXPRESSIONS), len(forgeries)),
        flags=np.array(
            [
                [
                    label.is_manipulated,
                    *(unit in label.action_units for unit in _UNITS),
                    *(attribute in label.attributes for attribute in ATTRIBUTES),
                ]
                for label in labels
            ],
            np.float32,
        ),
        numbers=np.array([[(label.age_years - 40) / 20] for label in labels], np.float32),
        seen=np.array(seen, bool),
    )
