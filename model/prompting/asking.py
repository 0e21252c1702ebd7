"""Whether and how questions can be asked of a network: decided from its sizes and its tokenizer alone."""

from collections.abc import Sequence
from pathlib import Path

from model.engines.engine import EngineConfig, check_decoder
from model.network.config import CheckpointError, FaceLlavaConfig
from model.prompting.plan import Plan, plan_questions
from model.prompting.prompts import Prompter
from model.prompting.questions import Question, View
from model.prompting.tokenizer import load_tokenizer


def open_prompter(tokenizer_path: Path, network: FaceLlavaConfig, engine: EngineConfig) -> Prompter:
    """Return what turns questions into tokens.

    Raises:
        ValueError: the tokenizer cannot be read, or does not belong to the network.
    """
    tokenizer = load_tokenizer(tokenizer_path)
    vocabulary = network.llm.vocab_size
    if tokenizer.vocabulary > vocabulary:
        raise ValueError(
            f"{tokenizer_path} has {tokenizer.vocabulary} tokens, the model {vocabulary}; "
            "give the tokenizer that the checkpoint was trained with"
        )
    special = {
        "bos": (tokenizer.bos_id, network.llm.bos_token_id),
        "eos": (tokenizer.eos_id, network.llm.eos_token_id),
    }
    for name, (of_tokenizer, of_model) in special.items():
        # Else the engines would end their texts at different tokens.
        if of_tokenizer != of_model:
            raise ValueError(
                f"{tokenizer_path} has {name} {of_tokenizer}, and config.json {name}_token_id {of_model}; "
                "give the tokenizer that the checkpoint was trained with"
            )
    return Prompter(tokenizer, engine.template)


def plan_asking(
    questions: Sequence[Question], network: FaceLlavaConfig, prompter: Prompter, engine: EngineConfig
) -> Plan:
    """Return the tokens of some questions about one clip.

    Raises:
        ValueError: they share a name, the network has no tower for a view, the answers of one cannot be told
            apart by their tokens, they are too long, or the engine cannot run the decoder.
    """
    check_decoder(network.llm, engine)
    names = [question.name for question in questions]
    if len(set(names)) < len(names):
        raise ValueError(f"questions {names} share a name; give each its own")
    images: dict[View, int] = {}
    tokens: dict[View, int] = {}  # per picture
    if network.video_tower:
        images["clip"], tokens["clip"] = network.frames, network.frame_tokens
    if network.image_tower:
        images["frame"], tokens["frame"] = 1, network.image_tokens
    plan = plan_questions(questions, prompter, images, engine.tree_tokens)
    lengths = [len(root.prefix) + root.images * (tokens[root.view] - 1) for root in plan.roots]
    limit = network.max_length
    if limit is not None and max(lengths) > limit:
        raise ValueError(
            f"the pictures alone are {max(lengths)} tokens; the model's longest prompt is {limit}"
        )
    longest = plan.longest(lengths, engine.max_new_tokens)
    room = network.llm.max_positions
    if engine.kind == "vllm":
        # It refuses a prompt that fills the room, and writes shorter texts where there is less.
        longest, room = longest + 1, min(room, engine.vllm.max_model_len or room)
    if longest > room:
        raise ValueError(
            f"questions {names} need {longest} tokens, the model has {room}; "
            "shorten the prompts, lower max_new_tokens, or raise vllm.max_model_len if that is set"
        )
    return plan


def check_questions(
    questions: Sequence[Question], network: FaceLlavaConfig, directory: Path, engine: EngineConfig
) -> None:
    """Find what would keep questions from being asked, before the weights are loaded.

    Args:
        questions: at least one.
        network: sizes.
        directory: of the checkpoint, which holds its tokenizer.
        engine: template and limits.

    Raises:
        CheckpointError: the tokenizer cannot be used.
        ValueError: see `plan_asking`.
    """
    try:
        prompter = open_prompter(directory / "tokenizer.model", network, engine)
    except ValueError as error:
        raise CheckpointError(str(directory), (str(error),)) from error
    plan_asking(questions, network, prompter, engine)
