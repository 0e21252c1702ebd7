-- The score of one label of one question about one clip.
-- Key: clip_id, question, label
select
    findings.clip_id,
    findings.track_id,
    findings.video_id,
    findings.recipe_id,
    findings.attempt_id,
    findings.question,
    findings.label,
    findings.score,
    findings.unit,
    findings.spread,
    findings.log_prob,
    findings.prior_log_prob,
    findings.model_id,
    recipes.is_demonstration
from raw.findings
semi join videos using (video_id, recipe_id, attempt_id)
left join recipes on recipes.recipe_id = findings.recipe_id
