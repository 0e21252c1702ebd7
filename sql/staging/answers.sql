-- What the model said to one question about one clip.
-- Key: clip_id, question
select
    clip_id,
    track_id,
    video_id,
    recipe_id,
    attempt_id,
    question,
    text,
    rationale,
    parse_status,
    parsed_labels,
    prompt,
    view,
    model_id,
    is_demonstration,
    numbers,
    number_log_probs,
    number_prior_log_probs
from raw.answers
semi join videos using (video_id, recipe_id, attempt_id)
