-- A face followed within one shot.
-- Key: track_id
select
    track_id,
    video_id,
    recipe_id,
    attempt_id,
    track_index,
    shot_index,
    start_s,
    end_s,
    start_frame,
    end_frame,
    frames,
    quality,
    no_clip_reason,
    duration_s,
    gaps,
    gap_s,
    person_id,
    embedding
from raw.tracks
semi join videos using (video_id, recipe_id, attempt_id)
