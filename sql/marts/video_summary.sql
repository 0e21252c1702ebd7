-- A video under its recipe: the most suspicious of its faces, never their average; without faces no verdict.
-- Key: video_id, recipe_id
-- clips: Rows in clips.
-- clips_unanswered: Clips without the model's answers.
-- people_at_once: Most faces in one sampled frame.
-- tracks_described: Tracks with an answered clip.
-- tracks_scored: Tracks with a deepfake score.
-- deepfake_score: Highest of all tracks.
-- deepfake_track_id: The track with it.
-- deepfake_clip_id: The clip with it.
-- deepfake_log10_lr: Highest of all tracks; null without a card.
-- deepfake_verdict: fake when one track is; real when all tracks are and the video is whole; else inconclusive; null without faces or card.
-- expressions: Of its tracks, the most frequent first.
-- age_years_min: Lowest of its tracks.
-- age_years_max: Highest of its tracks.
with

boxes_at_once as (
    select
        video_id,
        recipe_id,
        frame_index,
        count(*) as faces
    from boxes
    group by video_id, recipe_id, frame_index
),

people as (
    select
        video_id,
        recipe_id,
        max(faces) as people_at_once
    from boxes_at_once
    group by video_id, recipe_id
),

expressions as (
    select
        video_id,
        recipe_id,
        expression,
        count(*) as tracks
    from track_summary
    where expression is not null
    group by video_id, recipe_id, expression
),

main_expressions as (
    select
        video_id,
        recipe_id,
        list(expression order by tracks desc, expression) as expressions
    from expressions
    group by video_id, recipe_id
),

faces as (
    select
        video_id,
        recipe_id,
        sum(clips_unanswered)::bigint as clips_unanswered,
        count(*) filter (where clips > clips_unanswered) as tracks_described,
        count(deepfake_score) as tracks_scored,
        max(deepfake_score) as deepfake_score,
        arg_max(track_id, deepfake_score) as deepfake_track_id,
        arg_max(deepfake_clip_id, deepfake_score) as deepfake_clip_id,
        max(deepfake_log10_lr) as deepfake_log10_lr,
        count(*) filter (where deepfake_verdict = 'fake') as tracks_fake,
        count(*) filter (where deepfake_verdict = 'real') as tracks_real,
        count(deepfake_verdict) as tracks_judged,
        min(age_years) as age_years_min,
        max(age_years) as age_years_max
    from track_summary
    group by video_id, recipe_id
)

select
    videos.video_id,
    videos.recipe_id,
    videos.uri,
    videos.duration_s,
    videos.faces,
    videos.tracks,
    videos.clips,
    coalesce(faces.clips_unanswered, 0) as clips_unanswered,
    coalesce(people.people_at_once, 0) as people_at_once,
    coalesce(faces.tracks_described, 0) as tracks_described,
    coalesce(faces.tracks_scored, 0) as tracks_scored,
    faces.deepfake_score,
    faces.deepfake_track_id,
    faces.deepfake_clip_id,
    faces.deepfake_log10_lr,
    -- one fake face is enough; real is every face of the whole video or nothing; without faces no verdict
    case
        when faces.tracks_fake > 0 then 'fake'
        when faces.tracks_real = videos.tracks and not videos.is_partial then 'real'
        when faces.tracks_judged > 0 then 'inconclusive'
    end as deepfake_verdict,
    main_expressions.expressions,
    faces.age_years_min,
    faces.age_years_max,
    videos.is_partial,
    videos.partial_reason,
    recipes.model_id,
    recipes.is_demonstration
from videos
left join people using (video_id, recipe_id)
left join faces using (video_id, recipe_id)
left join main_expressions using (video_id, recipe_id)
left join recipes using (recipe_id)
