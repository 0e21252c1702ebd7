-- What was found of a face in one shot, over its clips: its most suspicious clip, its mean expression and age.
-- Key: track_id
-- quality: 0..1, the mean over its boxes.
-- clips: Clips of the track.
-- clips_unanswered: Of these, those without the model's answers.
-- expression: The label of the highest mean over the clips.
-- expression_score: That mean.
-- age_years: Mean over the clips.
-- deepfake_score: Highest probability of `fake` of its clips.
-- deepfake_score_mean: Mean over the clips.
-- deepfake_clip_id: The clip with the highest.
-- deepfake_log10_lr: Of the most suspicious clip; null without a card.
-- deepfake_verdict: fake, real or inconclusive; not real while a clip is unanswered; null without a card.
with

clip_counts as (
    select
        track_id,
        count(*) as clips,
        count(no_answer_reason) as clips_unanswered,
        avg(age_years) as age_years,
        max(deepfake_score) as deepfake_score,
        avg(deepfake_score) as deepfake_score_mean,
        arg_max(clip_id, deepfake_score) as deepfake_clip_id,
        -- a card never falls, so the ratio of the most suspicious clip is the highest
        max(deepfake_log10_lr) as deepfake_log10_lr,
        arg_max(deepfake_verdict, deepfake_score) as deepfake_verdict
    from clip_summary
    group by track_id
),

expression_scores as (
    select
        track_id,
        label,
        avg(score) as score
    from findings
    where question = 'expression'
    group by track_id, label
),

expressions as (
    select
        track_id,
        arg_max(label, score) as expression,
        max(score) as expression_score
    from expression_scores
    group by track_id
)

select
    tracks.track_id,
    tracks.video_id,
    tracks.recipe_id,
    tracks.shot_index,
    tracks.start_s,
    tracks.end_s,
    tracks.frames,
    tracks.quality,
    coalesce(clip_counts.clips, 0) as clips,
    coalesce(clip_counts.clips_unanswered, 0) as clips_unanswered,
    tracks.no_clip_reason,
    expressions.expression,
    expressions.expression_score,
    clip_counts.age_years,
    clip_counts.deepfake_score,
    clip_counts.deepfake_score_mean,
    clip_counts.deepfake_clip_id,
    clip_counts.deepfake_log10_lr,
    -- no verdict that it is real while a clip is open
    if(
        clip_counts.deepfake_verdict = 'real' and clip_counts.clips_unanswered > 0,
        'inconclusive',
        clip_counts.deepfake_verdict
    ) as deepfake_verdict,
    recipes.model_id,
    recipes.is_demonstration
from tracks
left join clip_counts on clip_counts.track_id = tracks.track_id
left join expressions on expressions.track_id = tracks.track_id
left join recipes on recipes.recipe_id = tracks.recipe_id
