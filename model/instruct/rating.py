"""The four ratings of a description, from 1 to 10, by which instruction data is filtered."""

from collections.abc import Sequence

from model.datasets.dataset import Task
from model.datasets.sample import Truth
from model.instruct.chat import Chat, ask_ratings
from model.instruct.wording import label_answer

RATINGS = ("annotation", "consistency_video", "consistency_annotation", "overall")
"""How right the manual label is; how the description fits the video, and the label; and all in all."""

_RUBRIC = """You check training data about faces: pictures of a face, a label that people gave, a description.
Rate with whole numbers from 1 (very poor) to 10 (perfect).
annotation: does the label fit the pictures?
consistency_video: does the description agree with what the pictures show?
consistency_annotation: does the description agree with the label?
overall: how good an example is it to learn from?
Answer with a JSON object that has these four keys, and nothing else."""


def rating_prompt(task: Task, truth: Truth, description: str) -> tuple[str, str]:
    """Return system and user text that ask for the ratings."""
    label = label_answer(task, truth).replace("\n", " ")
    return _RUBRIC, f"Task: {task.replace('_', ' ')}\nLabel: {label}\nDescription: {description}"


def rate_description(
    chat: Chat, task: Task, truth: Truth, description: str, pictures: Sequence[bytes]
) -> dict[str, int]:
    """Return the judge's four ratings by name.

    Raises:
        ChatError: the judge gives none.
    """
    return ask_ratings(chat, *rating_prompt(task, truth, description), pictures, RATINGS)
