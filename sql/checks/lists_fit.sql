-- Lists have the lengths that their frames ask for: 68 points a face, three numbers a crop, one pts a frame;
-- crops that are upright have no angles; every number that may be answered has its likelihoods.
select
    'boxes' as view_name,
    track_id || ' frame ' || frame_index as id,
    [len(landmarks_px)] as lengths
from boxes
where len(landmarks_px) <> 136
union all
select
    'clips',
    clip_id,
    [
        len(frame_indices), len(pts), len(crop_xys_px), len(landmarks_crop_px), len(crop_angles_deg),
        best_frame
    ]
from clips
where len(pts) <> len(frame_indices)
    or len(crop_xys_px) <> 3 * len(frame_indices)
    or len(landmarks_crop_px) <> 136 * len(frame_indices)
    or len(crop_angles_deg) not in (0, len(frame_indices))
    or best_frame not between 0 and len(frame_indices) - 1
union all
select
    'answers',
    clip_id || ' ' || question,
    [len(numbers), len(number_log_probs), len(number_prior_log_probs)]
from answers
where len(number_log_probs) <> len(numbers)
    or len(number_prior_log_probs) <> len(numbers)
