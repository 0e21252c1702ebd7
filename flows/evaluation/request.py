"""What is asked of an evaluation."""

from dataclasses import dataclass, field

from flows.display.progress import ProgressKind
from model.evaluation.bootstrap import BootstrapConfig
from model.evaluation.calibration import CalibrationConfig


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """What to evaluate.

    Attributes:
        dataset: name of one of `model.datasets.catalogue.DATASETS`.
        root: its directory.
        output: folder for the lake and the reports.
        checkpoint: directory or hub id; None means the demonstration checkpoint.
        recipe: path of a TOML file; None means every default.
        split: None is the dataset's own.
        variant: None is the dataset's first.
        limit: so many samples at most, spread over the split.
        frame_step: of samples that are frames of a video, every n-th.
        has_text: also have the model write, and read labels from that.
        is_whole_picture: take pictures for crops of one face.
        calibrate: file to write a card to, fitted on the samples of `calibrate_on`.
        calibrate_on: another split than the one that is reported.
        calibration: file of a card to apply.
        judged: texts of so many samples are rated, where there is a judge.
        fitting: how a card is fitted.
        bootstrap: how intervals are found.
        readers: reader processes at most.
        describers: describer processes at most.
        progress: how it shows on standard error.
    """

    dataset: str
    root: str
    output: str
    checkpoint: str | None = None
    recipe: str | None = None
    split: str | None = None
    variant: str | None = None
    limit: int | None = None
    frame_step: int = 1
    has_text: bool = True
    is_whole_picture: bool = False
    calibrate: str | None = None
    calibrate_on: str = "val"
    calibration: str | None = None
    judged: int = 100
    fitting: CalibrationConfig = field(default_factory=CalibrationConfig)
    bootstrap: BootstrapConfig = field(default_factory=BootstrapConfig)
    readers: int | None = None
    describers: int | None = None
    progress: ProgressKind = "none"
