"""Labels and the words for them."""

import re
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Label:
    """One possible answer to a question.

    Attributes:
        name: what findings call it.
        phrase: what a yes/no question calls it; the name when empty.
        variants: answers that mean it, whose likelihoods are summed into its score; the name when empty.
            Each also counts with a capital letter.
        synonyms: more words by which it is known in a text; not scored. `*` stands for up to three words.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    name: str
    phrase: str = ""
    variants: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for word in (self.name, *self.variants, *self.synonyms):
            if not re.search(r"\w", word):
                raise ValueError(
                    f"label {self.name!r}: the name, variant or synonym {word!r} is no word; write one"
                )

    def asked_as(self) -> str:
        """Return what a yes/no question calls the label."""
        return self.phrase or self.name

    def answers(self) -> tuple[str, ...]:
        """Return the answers that are scored, each as written and with a capital letter, without doubles."""
        spoken = self.variants or (self.name,)
        return tuple(dict.fromkeys(form for word in spoken for form in (word, word[0].upper() + word[1:])))

    def words(self) -> tuple[str, ...]:
        """Return everything that names the label in a text, lower case; with spaces, too, for underscores."""
        known = (self.name, self.phrase, *self.variants, *self.synonyms)
        spoken = [form.lower().strip(" .") for word in known for form in (word, word.replace("_", " "))]
        return tuple(dict.fromkeys(filter(None, spoken)))


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _expression(name: str, variants: str, synonyms: str = "") -> Label:
    return Label(name, variants=_words(variants), synonyms=_words(synonyms))


EXPRESSIONS = (
    _expression(
        "happiness",
        "happiness, happy, joy",
        "joyful, joyous, delight, delighted, cheerful, amusement, amused, elated, contentment",
    ),
    _expression(
        "sadness",
        "sadness, sad, sorrow",
        "sorrowful, saddened, unhappy, unhappiness, grief, melancholy, dejected",
    ),
    _expression(
        "neutral",
        "neutral, calm",
        "neutrality, no emotion, no particular emotion, no strong emotion, emotionless, expressionless, "
        "not show any * emotion, doesn't show any * emotion, not display any * emotion, "
        "doesn't display any * emotion, not express any * emotion",
    ),
    _expression(
        "anger",
        "anger, angry",
        "angered, rage, enraged, furious, fury, irritated, irritation, annoyed, annoyance",
    ),
    _expression(
        "surprise",
        "surprise, surprised",
        "astonished, astonishment, shocked, shock, startled, amazed, amazement",
    ),
    _expression("disgust", "disgust, disgusted", "revulsion, repulsed, repulsion, aversion"),
    _expression(
        "fear", "fear, fearful, afraid", "scared, frightened, fright, terrified, terror, horrified, horror"
    ),
)
"""The seven expressions of DFEW, RAF-DB and, but for surprise, CREMA-D."""


def _action_unit(number: int, name: str, synonyms: str = "") -> Label:
    return Label(f"AU{number}", phrase=f"AU{number} ({name})", synonyms=(name, *_words(synonyms)))


ACTION_UNITS = (
    _action_unit(1, "inner brow raiser", "inner brow raise, raised inner brows, inner brows are raised"),
    _action_unit(2, "outer brow raiser", "outer brow raise, raised outer brows, outer brows are raised"),
    _action_unit(4, "brow lowerer", "lowered brows, brow lowering, brows are lowered, furrowed brows"),
    _action_unit(6, "cheek raiser", "cheek raise, raised cheeks, cheeks are raised"),
    _action_unit(7, "lid tightener", "lid tightening, tightened eyelids, eyelids are tightened"),
    _action_unit(9, "nose wrinkler", "nose wrinkle, wrinkled nose, nose is wrinkled"),
    _action_unit(10, "upper lip raiser", "upper lip raise, raised upper lip, upper lip is raised"),
    _action_unit(12, "lip corner puller", "lip corner pull, lip corners are pulled"),
    _action_unit(14, "dimpler", "dimpling"),
    _action_unit(15, "lip corner depressor", "lowered lip corners, lip corners are lowered"),
    _action_unit(17, "chin raiser", "chin raise, raised chin, chin is raised"),
    _action_unit(23, "lip tightener", "lip tightening, tightened lips, lips are tightened"),
    _action_unit(24, "lip pressor", "lip pressing, pressed lips, lips are pressed"),
    _action_unit(25, "lips part", "parted lips, lips are parted"),
    _action_unit(26, "jaw drop", "dropped jaw, jaw is dropped"),
)
"""The action units that BP4D or DISFA annotate, under their FACS names."""


def _attribute(name: str, phrase: str = "", synonyms: str = "") -> Label:
    return Label(name, phrase=phrase or name.replace("_", " "), synonyms=_words(synonyms))


ATTRIBUTES = (
    _attribute("5_o_clock_shadow", "five o'clock shadow", "5 o'clock shadow, stubble"),
    _attribute("arched_eyebrows"),
    _attribute("attractive"),
    _attribute(
        "bags_under_eyes",
        "bags under the eyes",
        "bags under his eyes, bags under her eyes, bags under their eyes",
    ),
    _attribute("bald", "", "baldness, bald head"),
    _attribute("bangs", "", "a fringe"),
    _attribute("big_lips", "", "full lips, large lips"),
    _attribute("big_nose", "", "large nose, prominent nose"),
    _attribute("black_hair", "", "black * hair, dark hair"),
    _attribute("blond_hair", "", "blonde hair, blond * hair, blonde * hair"),
    _attribute("blurry", "blurry picture", "blurry, blurred"),
    _attribute("brown_hair", "", "brown * hair, brunette"),
    _attribute("bushy_eyebrows", "", "thick eyebrows"),
    _attribute("chubby", "chubby face", "chubby"),
    _attribute("double_chin"),
    _attribute("eyeglasses", "", "glasses, spectacles"),
    _attribute("goatee"),
    _attribute("gray_hair", "", "grey hair, gray * hair, grey * hair, graying hair, greying hair"),
    _attribute("heavy_makeup", "", "heavy make-up, heavy * makeup"),
    _attribute("high_cheekbones", "", "prominent cheekbones"),
    _attribute("male", "", "man, boy, gentleman"),
    _attribute("mouth_slightly_open", "", "slightly open mouth, slightly parted lips, lips slightly parted"),
    _attribute("mustache", "", "moustache"),
    _attribute("narrow_eyes"),
    _attribute(
        "no_beard",
        "",
        "without a beard, without beard, not have a beard, "
        "doesn't have a beard, no visible beard, no noticeable beard, beard: no, "
        "beard: none, no facial hair, no visible facial hair, no noticeable facial hair, clean-shaven, "
        "clean shaven, beardless",
    ),
    _attribute("oval_face", "", "oval-shaped face, oval * face"),
    _attribute("pale_skin", "", "pale * skin, fair skin, pale complexion"),
    _attribute("pointy_nose", "", "pointed nose"),
    _attribute("receding_hairline"),
    _attribute("rosy_cheeks"),
    _attribute("sideburns"),
    _attribute("smiling", "smile", "smiling, smiles"),
    _attribute("straight_hair", "", "straight * hair"),
    _attribute("wavy_hair", "", "wavy * hair, curly hair, curly * hair"),
    _attribute("wearing_earrings", "", "earrings, earring"),
    _attribute("wearing_hat", "wearing a hat", "hat, cap, wears a hat"),
    _attribute("wearing_lipstick", "", "lipstick"),
    _attribute("wearing_necklace", "wearing a necklace", "necklace"),
    _attribute("wearing_necktie", "wearing a necktie", "necktie, tie"),
    _attribute("young", "", "youthful"),
)
"""CelebA's forty, in its order, lower case."""

AUTHENTICITY = (
    Label(
        "real",
        variants=("real", "genuine", "authentic"),
        synonyms=("unaltered", "unmanipulated", "unedited", "legitimate"),
    ),
    Label(
        "fake",
        variants=("fake", "deepfake", "manipulated"),
        synonyms=_words(
            "deep fake, deep-fake, forged, forgery, synthetic, altered, tampered, doctored, manipulation, "
            "tampering, fabricated, falsified, inauthentic, face swap, face-swap, face swapping, "
            "face-swapping, face-swapped, swapped, ai-generated, ai generated, generated by ai, "
            "generated by artificial intelligence, computer-generated, computer generated, cgi"
        ),
    ),
)
