-- Tracks and clips end after they start; clips and boxes lie within their track. One millisecond is rounding.
with

spans as (
    select 'tracks' as view_name, track_id as id, start_s, end_s, start_s as earliest_s, end_s as latest_s
    from tracks
    union all
    select 'clips', clips.clip_id, clips.start_s, clips.end_s, tracks.start_s, tracks.end_s
    from clips
    inner join tracks on tracks.track_id = clips.track_id
    union all
    select
        'boxes', boxes.track_id || ' frame ' || boxes.frame_index,
        boxes.pts_s, boxes.pts_s, tracks.start_s, tracks.end_s
    from boxes
    inner join tracks on tracks.track_id = boxes.track_id
)

select
    view_name,
    id,
    start_s,
    end_s,
    earliest_s,
    latest_s
from spans
where not (
    isfinite(start_s + end_s)
    and start_s <= end_s
    and start_s >= earliest_s - 0.001
    and end_s <= latest_s + 0.001
)
