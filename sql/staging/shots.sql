-- A stretch between two cuts or gradual transitions.
-- Key: video_id, recipe_id, shot_index
select
    video_id,
    recipe_id,
    attempt_id,
    shot_index,
    start_frame,
    start_s,
    transition,
    transition_start_frame,
    transition_end_frame
from raw.shots
semi join videos using (video_id, recipe_id, attempt_id)
