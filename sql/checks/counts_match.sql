-- The counts in a `videos` row are those of the rows that were committed with it.
with

counted as (
    select
        video_id,
        recipe_id,
        count(*) filter (where kind = 'box') as faces,
        count(*) filter (where kind = 'track') as tracks,
        count(*) filter (where kind = 'clip') as clips,
        count(*) filter (where kind = 'finding') as findings
    from (
        select video_id, recipe_id, 'box' as kind from boxes
        union all
        select video_id, recipe_id, 'track' from tracks
        union all
        select video_id, recipe_id, 'clip' from clips
        union all
        select video_id, recipe_id, 'finding' from findings
    )
    group by video_id, recipe_id
)

select
    videos.video_id,
    videos.recipe_id,
    [videos.faces, videos.tracks, videos.clips, videos.findings] as stated,
    [
        coalesce(counted.faces, 0), coalesce(counted.tracks, 0),
        coalesce(counted.clips, 0), coalesce(counted.findings, 0)
    ] as found
from videos
left join counted using (video_id, recipe_id)
where stated <> found
