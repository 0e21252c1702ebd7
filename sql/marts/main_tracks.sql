-- The face that a video shows most, by its pixels over all frames; and its clip of the highest quality.
-- Key: video_id, recipe_id
-- clip_id: Its clip of the highest quality; null when it has none that was answered.
-- evidence: Path of that clip's stored picture, relative to the lake.
with

sizes as (
    select
        video_id,
        recipe_id,
        track_id,
        sum(w_px * h_px) as size_px
    from boxes
    group by video_id, recipe_id, track_id
),

best_clips as (
    select
        track_id,
        arg_max(clip_id, quality) filter (where no_answer_reason is null) as clip_id,
        arg_max(evidence, quality) filter (where no_answer_reason is null) as evidence,
        any_value(no_answer_reason) as no_answer_reason
    from clips
    group by track_id
)

select
    sizes.video_id,
    sizes.recipe_id,
    sizes.track_id,
    best_clips.clip_id,
    best_clips.evidence,
    best_clips.no_answer_reason,
    tracks.no_clip_reason
from sizes
inner join tracks on tracks.track_id = sizes.track_id
left join best_clips on best_clips.track_id = sizes.track_id
-- one that can be asked about comes before one that cannot
qualify row_number() over (
    partition by sizes.video_id, sizes.recipe_id
    order by best_clips.clip_id is null, sizes.size_px desc, sizes.track_id
) = 1
