-- What came of a sample in an evaluation, as read from the scores, from the text, or of every face alone.
-- Key: evaluation_id, read_from, sample_id
select
    predictions.evaluation_id,
    predictions.read_from,
    predictions.sample_id,
    evaluations.dataset,
    evaluations.model_id,
    predictions.uri,
    predictions.video_id,
    predictions.cluster,
    predictions.fold,
    predictions.status,
    predictions.reason,
    predictions.truth_json,
    predictions.answer_json,
    predictions.score,
    predictions.groups_json,
    evaluations.is_demonstration
from raw.predictions
inner join evaluations on evaluations.evaluation_id = predictions.evaluation_id
