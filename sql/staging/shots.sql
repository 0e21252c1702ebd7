-- A stretch between two cuts.
-- Key: video_id, recipe_id, shot_index
select
    video_id,
    recipe_id,
    attempt_id,
    shot_index,
    start_frame,
    start_s
from raw.shots
semi join videos using (video_id, recipe_id, attempt_id)
