-- A video that was read and described under a recipe: the first commit counts, a later one is as if not there.
-- Key: video_id, recipe_id
select
    video_id,
    recipe_id,
    attempt_id,
    scan_id,
    uri,
    size_bytes,
    container,
    codec,
    pixel_format,
    width_px,
    height_px,
    fps,
    duration_s,
    rotation_deg,
    sample_aspect_ratio,
    time_base,
    start_pts,
    decoder,
    frames_decoded,
    frames_sampled,
    packets_damaged,
    is_partial,
    partial_reason,
    faces,
    tracks,
    clips,
    findings,
    read_s,
    describe_s,
    committed_at
from raw.videos
anti join forgotten using (video_id)
qualify row_number() over (partition by video_id, recipe_id order by committed_at, attempt_id) = 1
