-- No view holds two rows of one key.
with

keys as (
    select 'answers' as view_name, [clip_id, question] as key from answers
    union all
    select 'boxes', [track_id, frame_index::varchar] from boxes
    union all
    select 'calibrations', [recipe_id, calibration_id] from calibrations
    union all
    select 'clips', [clip_id] from clips
    union all
    select 'erasures', [receipt_id] from erasures
    union all
    select 'evaluation_metrics', [evaluation_id, read_from, groups_json, metric] from evaluation_metrics
    union all
    select 'evaluations', [evaluation_id] from evaluations
    union all
    select 'failures', [uri, recipe_id, failed_at::varchar] from failures
    union all
    select 'findings', [clip_id, question, label] from findings
    union all
    select 'forgotten', [video_id] from forgotten
    union all
    select 'listings', [uri, recipe_id] from listings
    union all
    select 'predictions', [evaluation_id, read_from, sample_id] from predictions
    union all
    select 'questions', [recipe_id, question] from questions
    union all
    select 'recipes', [recipe_id] from recipes
    union all
    select 'scans', [scan_id] from scans
    union all
    select 'shots', [video_id, recipe_id, shot_index::varchar] from shots
    union all
    select 'sources', [uri] from sources
    union all
    select 'tracks', [track_id] from tracks
    union all
    select 'videos', [video_id, recipe_id] from videos
)

select
    view_name,
    key,
    count(*) as rows
from keys
group by view_name, key
having count(*) > 1
