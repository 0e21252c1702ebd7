import random
import time

import pytest

from model.parsing.reading import read_answer
from model.prompting.labels import Label
from model.prompting.questions import Question, default_question

EXPRESSION = default_question("expression")
ACTION_UNITS = default_question("action_units")
ATTRIBUTES = default_question("attributes")
AGE = default_question("age")
DEEPFAKE = default_question("deepfake")


def check(question: Question, text: str, status: str, *labels: str) -> None:
    reading = read_answer(text, question)
    assert (reading.status, reading.labels) == (status, labels)


@pytest.mark.parametrize(
    ("text", "status", "labels"),
    [
        ("The person is happy.", "ok", "happiness"),
        ("Happiness.", "ok", "happiness"),
        ("happiness", "ok", "happiness"),
        ("Sad", "ok", "sadness"),
        ("Anger: the brows are drawn together, unlike in fear.", "ok", "anger"),
        ("Neutral expression. No muscle moves.", "ok", "neutral"),
        ("The raised lip corners and cheeks suggest joy.", "ok", "happiness"),
        ("The furrowed brows point to anger rather than fear.", "ok", "anger"),
        ("Rather than anger, sadness or fear, the wide smile points to happiness.", "ok", "happiness"),
        ("The pressed lips show disgust, rather than anger, sadness.", "ok", "disgust"),
        ("The person is not happy but sad.", "ok", "sadness"),
        ("The person isn't angry; the eyes are wide with surprise.", "ok", "surprise"),
        ("He doesn’t look angry, he looks scared.", "ok", "fear"),
        ("There is no sign of anger, and the face is neutral.", "ok", "neutral"),
        ("There is no sign of anger, fear, or disgust. The face stays neutral.", "ok", "neutral"),
        ("Without any anger or disgust, the face shows sadness.", "ok", "sadness"),
        ("Neither anger nor sadness is visible, but clear happiness is.", "ok", "happiness"),
        ("Anger is absent; the eyes suggest fear.", "ok", "fear"),
        ("Anger and fear are not present, and the mouth suggests disgust.", "ok", "disgust"),
        ("Anger, sadness and fear can be ruled out. This is surprise.", "ok", "surprise"),
        ("The face looks more sad than angry.", "ok", "sadness"),
        ("It could be mistaken for fear, but the jaw drop fits surprise.", "ok", "surprise"),
        ("Not only is she happy, she laughs.", "ok", "happiness"),
        ("Without a doubt, this is anger.", "ok", "anger"),
        ("She is unhappy.", "ok", "sadness"),
        ("A neutral background; the man is furious.", "ok", "anger"),
        ("In front of a neutral wall the woman cries with grief.", "ok", "sadness"),
        ("The expression is best described as fear.", "ok", "fear"),
        ("The eyes hint at surprise and the mouth at fear. Overall, the emotion is fear.", "ok", "fear"),
        ("Traces of sadness appear in the brows. The emotion of the person is anger.", "ok", "anger"),
        ("The emotion is happiness. The brows rise as in surprise.", "ok", "happiness"),
        ("The absence of a smile and the lowered brows indicate anger.", "ok", "anger"),
        ("A lack of happiness, because the person is sad.", "ok", "sadness"),
        ("The person shows no particular emotion.", "ok", "neutral"),
        ("THE PERSON IS ANGRY!", "ok", "anger"),
        ("The person is\nangry", "ok", "anger"),
        (
            "The person appears to be experiencing happiness, as the wide smile shows.",
            "ok",
            "happiness",
        ),
        (
            "The mouth is open, typical of surprise. There is no tension that would suggest fear or anger.",
            "ok",
            "surprise",
        ),
        (
            "The eyelids droop in sadness. Although the brows are lowered, this does not indicate anger.",
            "ok",
            "sadness",
        ),
        ("The overall expression is one of anger, with no hint of joy or amusement.", "ok", "anger"),
        (
            "The lack of movement in the face suggests a neutral expression rather than sadness.",
            "ok",
            "neutral",
        ),
        ("The person does not seem angry or disgusted but rather sad.", "ok", "sadness"),
        ("The person does not seem happy. She seems sad.", "ok", "sadness"),
        ("The face isn't showing happiness, sadness, or anger; it is neutral.", "ok", "neutral"),
        ("She's neither happy nor sad, just neutral.", "ok", "neutral"),
        ("The smile isn't sincere, and the eyes show sadness.", "ok", "sadness"),
        ("A sad smile does not mean happiness.", "ok", "sadness"),
        ("Happiness (not surprise).", "ok", "happiness"),
        ("Emotion: Anger\nReason: the brows are lowered.", "ok", "anger"),
        ("**Anger**: the brows are lowered.", "ok", "anger"),
        ("The expression is happy, not sad, not angry.", "ok", "happiness"),
        ("It's nothing but anger.", "ok", "anger"),
        ("I can't tell you who it is, but the expression is sad.", "ok", "sadness"),
        ("The tight lips suggest that the person is angry and not afraid.", "ok", "anger"),
        ("There is a hint of surprise, but the dominant emotion is fear.", "ok", "fear"),
        ("One might think of anger at first, the open mouth fits fear.", "ambiguous", "anger fear"),
        ("The expression changes from neutral to happy.", "ambiguous", "neutral happiness"),
        ("A mix of fear and surprise.", "ambiguous", "fear surprise"),
        ("The emotion is fear mixed with surprise.", "ambiguous", "fear surprise"),
        ("Happy, or maybe surprised.", "ambiguous", "happiness surprise"),
        ("First she is sad. Then she is angry.", "ambiguous", "sadness anger"),
        ("I cannot determine the emotion.", "refused", ""),
        ("I'm sorry, but I can't help with that.", "refused", ""),
        ("As an AI model I cannot tell whether he is happy or sad.", "refused", ""),
        ("It is not possible to tell if this is anger.", "refused", ""),
        ("I cannot be certain, but the person seems happy.", "ok", "happiness"),
        ("The person is happy. I cannot tell the age.", "ok", "happiness"),
        ("The face is not angry.", "unparsable", ""),
        ("The lighting is soft.", "unparsable", ""),
        ("", "unparsable", ""),
        ("   ", "unparsable", ""),
        ("1234 %$# \x00", "unparsable", ""),
        ("Fearless.", "unparsable", ""),
        ("Anger? No. Sadness? No. It is fear.", "ok", "fear"),
        ("This is hardly happiness; it is closer to contempt and disgust.", "ok", "disgust"),
        ("The expression is anything but happy; it's angry.", "ok", "anger"),
        ("Emotion: none (neutral).", "ok", "neutral"),
        ("He seems happy, but he is sad.", "ok", "sadness"),
        ("The subject is neither happy nor sad.", "unparsable", ""),
        ("I'm not sure whether he is angry or sad.", "ambiguous", "anger sadness"),
        ("Der Mann ist glücklich.", "unparsable", ""),
        ("The fearsome angerfish swims.", "unparsable", ""),
        ("Can't say.", "refused", ""),
        ("The soldier wears a saddle bag.", "unparsable", ""),
    ],
)
def test_expression(text: str, status: str, labels: str) -> None:
    check(EXPRESSION, text, status, *labels.split())


@pytest.mark.parametrize(
    ("text", "status", "labels"),
    [
        ("Fake: the mouth's edge flickers and the skin is too real to be true.", "ok", "fake"),
        ("Fake video. The eyes do not blink.", "ok", "fake"),
        ("Real video. There is no sign of manipulation.", "ok", "real"),
        ("Real", "ok", "real"),
        ("This is a fake video, though it looks natural.", "ok", "fake"),
        ("The video is not fake.", "ok", "real"),
        ("The face does not look real.", "ok", "fake"),
        ("There are no signs of manipulation in the face.", "ok", "real"),
        ("The video has been manipulated.", "ok", "fake"),
        ("The footage is authentic and unaltered.", "ok", "real"),
        ("It is real rather than fake.", "ok", "real"),
        ("Fake: a person whose facial movements are not real.", "ok", "fake"),
        (
            "The video is real. There are no artifacts, blending boundaries or other signs of forgery.",
            "ok",
            "real",
        ),
        ("The video appears to be fake. The face does not look genuine.", "ok", "fake"),
        ("This appears to be a real, unaltered video without deepfake artifacts.", "ok", "real"),
        ("No, it is not fake.", "ok", "real"),
        ("The rendering happens in real time.", "unparsable", ""),
        ("It looks real but it is fake.", "ok", "fake"),
        ("Real? No, this is manipulated.", "ok", "fake"),
        ("It's unlikely to be real.", "ok", "fake"),
        ("Cannot tell whether real or fake.", "refused", ""),
        ("The face is realistic and unrealistically smooth.", "unparsable", ""),
        ("It might be real or fake.", "ambiguous", "real fake"),
        ("I am unable to determine whether this is real or fake.", "refused", ""),
    ],
)
def test_deepfake(text: str, status: str, labels: str) -> None:
    check(DEEPFAKE, text, status, *labels.split())


@pytest.mark.parametrize(
    ("text", "status", "labels"),
    [
        ("AU4 (Brow Lowerer) is active.", "ok", "AU4"),
        ("- AU6 (Cheek Raiser): raised.\n- AU12 (Lip Corner Puller): pulled.", "ok", "AU6 AU12"),
        ("AU15 (Lower Lip Depressor) and AU17 (Chin Raiser).", "ok", "AU15 AU17"),
        ("AU1, the lip corner puller, is active.", "ok", "AU1"),
        ("AU12 and AU6 are active.", "ok", "AU6 AU12"),
        ("AUs 1, 2 and 4 are active.", "ok", "AU1 AU2 AU4"),
        ("Action units 6 and 12 are visible.", "ok", "AU6 AU12"),
        ("The combination AU6+12 is a Duchenne smile.", "ok", "AU6 AU12"),
        ("AU 12 and AU-25.", "ok", "AU12 AU25"),
        ("Action Unit 26 is active: the jaw drops.", "ok", "AU26"),
        ("AU12 is active, AU4 is not active.", "ok", "AU12"),
        ("There is no AU4, but AU12 is present.", "ok", "AU12"),
        ("AU12 is active without AU6 or AU7.", "ok", "AU12"),
        ("AU1 and AU2 are absent.", "ok", ""),
        ("1. AU1 (Inner Brow Raiser)\n2. AU2 (Outer Brow Raiser)\n3. AU26 (Jaw Drop)", "ok", "AU1 AU2 AU26"),
        ("AU6 and AU12 are strongly activated, AU4 isn't.", "ok", "AU6 AU12"),
        ("AU12 is active, while AU4, AU9 and AU10 are not active.", "ok", "AU12"),
        ("There is no visible activation of AU1, AU2, or AU4. However, AU17 is present.", "ok", "AU17"),
        ("AU4 (brow lowerer) is inactive. AU25 (lips part) is active.", "ok", "AU25"),
        ("The lips part and the jaw drops (AU25+AU26).", "ok", "AU25 AU26"),
        ("AU01 and au4", "ok", "AU1 AU4"),
        ("AU20 (Lip Stretcher) and AU25.", "ok", "AU25"),
        ("AU125 is no unit.", "unparsable", ""),
        ("AU12: yes, AU4: no", "ok", "AU12"),
        ("AU12 - present\nAU4 - absent\nAU6 - present", "ok", "AU6 AU12"),
        ("AUs: 6, 12.", "ok", "AU6 AU12"),
        ("Action units 1-2 are active.", "ok", "AU1 AU2"),
        ("AU1 (inner brow raiser), not AU2 (outer brow raiser), is active.", "ok", "AU1"),
        ("All facial muscles are relaxed; no AU is active.", "ok", ""),
        ("The brow lowerer and the jaw drop are active.", "ok", "AU4 AU26"),
        ("The inner brow raiser is active, the dimpler is not active.", "ok", "AU1"),
        ("No action units are active.", "ok", ""),
        ("None of the action units is visible.", "ok", ""),
        ("AU4 is active. Later AU4 is not active.", "ambiguous", "AU4"),
        ("The picture is dark.", "unparsable", ""),
        ("I cannot identify any action units.", "refused", ""),
    ],
)
def test_action_units(text: str, status: str, labels: str) -> None:
    check(ACTION_UNITS, text, status, *labels.split())


@pytest.mark.parametrize(
    ("text", "status", "labels"),
    [
        ("A young woman with wavy hair, wearing lipstick.", "ok", "wavy_hair wearing_lipstick young"),
        ("The man has a mustache and no beard.", "ok", "male mustache no_beard"),
        ("He is not bald, with black hair.", "ok", "black_hair"),
        ("She has long black wavy hair and does not wear glasses or earrings.", "ok", "black_hair wavy_hair"),
        ("Without eyeglasses, hat or necktie.", "ok", ""),
        ("Not wearing a hat, wearing earrings.", "ok", "wearing_earrings"),
        ("The person is clean-shaven and smiling.", "ok", "no_beard smiling"),
        ("A man without a beard and smiling.", "ok", "male no_beard smiling"),
        ("High cheekbones, rosy cheeks, an oval face.", "ok", "high_cheekbones oval_face rosy_cheeks"),
        (
            "She has straight blonde hair and rosy cheeks. She isn't smiling.",
            "ok",
            "blond_hair rosy_cheeks straight_hair",
        ),
        ("A bald man with a goatee; no earrings, necklace, or hat.", "ok", "bald goatee male"),
        ("The sky is blue.", "unparsable", ""),
        ("eyeglasses: no, young: yes, male: yes", "ok", "male young"),
        ("She has brown eyes and blond hair.", "ok", "blond_hair"),
        ("Brown and slightly curly hair.", "ok", "brown_hair wavy_hair"),
        ("Her hair is long, black and wavy, her eyes are brown.", "ok", "black_hair wavy_hair"),
        (
            "Hair color: blond\nEyes: narrow\nMouth: slightly open",
            "ok",
            "blond_hair mouth_slightly_open narrow_eyes",
        ),
        ("His hair is neither black nor gray, his face is oval.", "ok", "oval_face"),
        ("Bags Under Eyes, 5 o Clock Shadow", "ok", "5_o_clock_shadow bags_under_eyes"),
    ],
)
def test_attributes(text: str, status: str, labels: str) -> None:
    check(ATTRIBUTES, text, status, *labels.split())


@pytest.mark.parametrize(
    ("text", "status", "numbers"),
    [
        ("22 years old based on the smooth skin.", "ok", "22"),
        ("1 year old: the head is round.", "ok", "1"),
        ("22 years old; people of 30-35 years have deeper lines.", "ok", "22"),
        ("The person is 45 years old.", "ok", "45"),
        ("A 45-year-old man with 2 scars.", "ok", "45"),
        ("There are 2 people; the left one is 31 years old.", "ok", "31"),
        ("The person appears to be around 60.", "ok", "60"),
        ("Aged 7.", "ok", "7"),
        ("Age: 54", "ok", "54"),
        ("54", "ok", "54"),
        ("Approximately twenty-two years old.", "ok", "22"),
        ("She is forty.", "ok", "40"),
        ("He is one hundred years old.", "ok", "100"),
        ("Not 22 but 25 years old.", "ok", "25"),
        ("0 years old, a newborn.", "ok", "0"),
        ("The estimated age is 52.", "ok", "52"),
        ("I estimate 28.", "ok", "28"),
        ("She is 19, with the skin of a 15 year old.", "ok", "19"),
        ("80-85 years old.", "ambiguous", "80 85"),
        ("80 to 85 years old.", "ambiguous", "80 85"),
        ("between 20 and 25 years", "ambiguous", "20 25"),
        ("In her mid-20s.", "ambiguous", "24 26"),
        ("A man in his thirties.", "ambiguous", "30 39"),
        ("A woman in her 30s.", "ambiguous", "30 39"),
        ("In the late teens.", "ambiguous", "17 19"),
        ("A teenage boy in his early teens.", "ambiguous", "13 13"),
        ("The subject is 30-something.", "ambiguous", "30 39"),
        ("Likely in their early to mid 40s.", "ambiguous", "40 46"),
        ("Over 60 years old.", "ambiguous", "60 100"),
        ("Under 18.", "ambiguous", "0 18"),
        ("Age 18+", "ambiguous", "18 100"),
        ("60 years old or older", "ambiguous", "60 100"),
        ("25 or younger", "ambiguous", "0 25"),
        ("In her 20s to 30s.", "ambiguous", "20 39"),
        ("25–30", "ambiguous", "25 30"),
        ("Somewhere in his thirties.", "ambiguous", "30 39"),
        ("A middle-aged man, 50ish.", "ok", "50"),
        ("33yo", "ok", "33"),
        ("About 2 decades old", "unparsable", ""),
        ("150 years old.", "unparsable", ""),
        ("Recorded in 1987 at 3.5 m distance.", "unparsable", ""),
        ("A 3 month old baby.", "unparsable", ""),
        ("An elderly person.", "unparsable", ""),
        ("I cannot determine the age.", "refused", ""),
        ("I cannot tell exactly, but about 30 years old.", "ok", "30"),
    ],
)
def test_age(text: str, status: str, numbers: str) -> None:
    check(AGE, text, status, *numbers.split())


@pytest.mark.parametrize(
    ("question", "text", "rationale"),
    [
        (DEEPFAKE, "Fake: the skin is smooth.", "the skin is smooth."),
        (DEEPFAKE, "**Fake**: blending.", "blending."),
        (DEEPFAKE, "**Fake:** blending.", "blending."),
        (DEEPFAKE, "'Real'. Nothing flickers.", "Nothing flickers."),
        (DEEPFAKE, "Real video. Nothing flickers.", "Nothing flickers."),
        (EXPRESSION, "Happiness - the cheeks are raised.", "the cheeks are raised."),
        (EXPRESSION, "Happy people smile like this.", "Happy people smile like this."),
        (AGE, "22 years old: smooth skin.", "smooth skin."),
        (AGE, "1 year old. A round head.", "A round head."),
        (AGE, "The person is 22 years old.", "The person is 22 years old."),
        (AGE, "22 years old", ""),
        (ACTION_UNITS, "AU4 (Brow Lowerer)", "AU4 (Brow Lowerer)"),
    ],
)
def test_the_rationale_is_the_text_without_its_leading_label(
    question: Question, text: str, rationale: str
) -> None:
    assert read_answer(text, question).rationale == rationale


def test_a_number_question_has_its_own_unit() -> None:
    question = Question(
        "people", "number", "How many?", maximum=20, unit="people", number_answers=("{n} people",)
    )
    check(question, "In 4 seconds 12 people pass.", "ok", "12")


def test_a_question_of_ones_own_is_read_by_its_words() -> None:
    labels = (Label("worn", synonyms=("glasses", "sun * glasses")), Label("bare", synonyms=("bare eyes",)))
    question = Question("eyewear", "single_label", "Glasses?", labels=labels)
    check(question, "She wears sun and wind glasses.", "ok", "worn")
    check(question, "She wears no glasses.", "ok", "bare")


def test_the_light_is_no_label_of_a_face_but_may_be_what_is_asked() -> None:
    labels = (Label("natural"), Label("artificial"))
    light = Question("light", "single_label", "Is the lighting natural?", labels=labels)
    check(light, "Natural light falls on the wall.", "ok", "natural")
    check(Question("skin", "single_label", "How is the skin?", labels=labels), "Natural light.", "unparsable")


def test_yes_and_no_may_be_labels() -> None:
    question = Question("hat", "single_label", "A hat?", labels=(Label("yes"), Label("no")))
    check(question, "Yes, without a feather, and there is no doubt.", "ok", "yes")
    check(question, "No, the person is not wearing a hat.", "ok", "no")
    check(question, "yes and no", "ambiguous", "yes", "no")


def test_none_of_a_unit_is_zero() -> None:
    question = Question("teeth", "number", "Teeth?", maximum=32, unit="teeth", number_answers=("{n} teeth",))
    check(question, "No teeth can be seen.", "ok", "0")
    check(question, "No one knows.", "unparsable")


def test_no_text_breaks_the_reader() -> None:
    generator = random.Random(1)
    words = [
        "not",
        "AU",
        "4",
        "AU4",
        "happy",
        ",",
        "and",
        "fake",
        "22",
        "years",
        "(",
        "but",
        "\u2581",
        "ha\u0130r is",  # a capital i whose lower case has two characters
        ".",
        "rather than",
        "-",
    ]
    for _ in range(300):
        text = " ".join(generator.choices(words, k=generator.randrange(12)))
        for question in (EXPRESSION, ACTION_UNITS, ATTRIBUTES, AGE, DEEPFAKE):
            assert read_answer(text, question).status in {"ok", "ambiguous", "refused", "unparsable"}


@pytest.mark.parametrize("part", ["happy, not happy, ", "AU4, ", "\n", "AU4: less ", "low chance "])
def test_long_repetitions_take_their_length(part: str) -> None:
    began_s = time.process_time()
    for question in (EXPRESSION, ACTION_UNITS, ATTRIBUTES, AGE, DEEPFAKE):
        read_answer(part * (12_000 // len(part)), question)
    assert time.process_time() - began_s < 4
