-- The score of a label for one face: the mean over its clips, and the highest of them.
-- Key: track_id, question, label
-- score: Mean over the clips of the face.
-- score_highest: Highest of its clips.
-- clips: Clips with a score.
select
    findings.track_id,
    findings.video_id,
    findings.recipe_id,
    findings.question,
    findings.label,
    avg(findings.score) as score,
    max(findings.score) as score_highest,
    count(*) as clips,
    any_value(findings.is_demonstration) as is_demonstration
from findings
group by findings.track_id, findings.video_id, findings.recipe_id, findings.question, findings.label
