-- A face in a sampled frame.
-- Key: track_id, frame_index
select
    track_id,
    video_id,
    recipe_id,
    attempt_id,
    frame_index,
    pts,
    pts_s,
    x_px,
    y_px,
    w_px,
    h_px,
    score,
    quality,
    sharpness,
    yaw_deg,
    pitch_deg,
    roll_deg,
    landmarks_px,
    occlusion
from raw.boxes
semi join videos using (video_id, recipe_id, attempt_id)
