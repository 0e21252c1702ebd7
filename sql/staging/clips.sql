-- Eight face crops of one track, as the model sees them.
-- Key: clip_id
select
    clip_id,
    track_id,
    video_id,
    recipe_id,
    attempt_id,
    clip_index,
    start_s,
    end_s,
    frame_indices,
    pts,
    crop_xys_px,
    landmarks_crop_px,
    best_frame,
    quality,
    crops_sha256,
    evidence,
    no_answer_reason,
    crop_angles_deg
from raw.clips
semi join videos using (video_id, recipe_id, attempt_id)
