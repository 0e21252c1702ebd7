-- Whatever hangs on a row finds it, in the same video under the same recipe.
with

orphans as (
    select 'tracks' as view_name, track_id as id, video_id, recipe_id, 'shots' as parent
    from tracks anti join shots using (video_id, recipe_id, shot_index)
    union all
    select 'boxes', track_id || ' frame ' || frame_index, video_id, recipe_id, 'tracks'
    from boxes anti join tracks using (video_id, recipe_id, track_id)
    union all
    select 'clips', clip_id, video_id, recipe_id, 'tracks'
    from clips anti join tracks using (video_id, recipe_id, track_id)
    union all
    select 'answers', clip_id || ' ' || question, video_id, recipe_id, 'clips'
    from answers anti join clips using (video_id, recipe_id, track_id, clip_id)
    union all
    select 'findings', clip_id || ' ' || question || ' ' || label, video_id, recipe_id, 'answers'
    from findings anti join answers using (video_id, recipe_id, track_id, clip_id, question)
)

select
    view_name,
    id,
    video_id,
    recipe_id,
    parent as missing_in
from orphans
