-- The score of a label in a video: the mean over the clips of the face that it shows most, and the highest of all faces.
-- Key: video_id, recipe_id, question, label
-- score: Mean over the clips of the face that the video shows most.
-- score_highest: Highest of all clips of all faces.
-- clips: Clips with a score, of all faces.
with

scores as (
    select
        findings.video_id,
        findings.recipe_id,
        findings.question,
        findings.label,
        avg(findings.score) filter (where main_tracks.track_id is not null) as score,
        max(findings.score) as score_highest,
        count(*) as clips
    from findings
    left join main_tracks using (video_id, recipe_id, track_id)
    group by findings.video_id, findings.recipe_id, findings.question, findings.label
)

select
    scores.video_id,
    scores.recipe_id,
    scores.question,
    scores.label,
    scores.score,
    scores.score_highest,
    scores.clips,
    recipes.is_demonstration
from scores
left join recipes on recipes.recipe_id = scores.recipe_id
