-- Probabilities, scores and qualities lie in 0..1, other scores are finite numbers.
-- A comparison alone misses NaN: the statistics of a Parquet file, by which DuckDB skips rows, leave it out.
with

scores as (
    select 'boxes.score' as name, track_id || ' frame ' || frame_index as id, score from boxes
    union all
    select 'boxes.quality', track_id || ' frame ' || frame_index, quality from boxes
    union all
    select 'boxes.occlusion', track_id || ' frame ' || frame_index, occlusion from boxes
    union all
    select 'tracks.quality', track_id, quality from tracks
    union all
    select 'clips.quality', clip_id, quality from clips
    union all
    select 'findings.score', clip_id || ' ' || question || ' ' || label, score
    from findings
    where unit = 'probability'
),

others as (
    select 'findings.score' as name, clip_id || ' ' || question || ' ' || label as id, score
    from findings
    where unit <> 'probability'
    union all
    select 'findings.spread', clip_id || ' ' || question || ' ' || label, spread
    from findings
    where spread is not null
)

select
    name,
    id,
    score
from scores
where not isfinite(score) or not score between 0 and 1 + 1e-6
union all
select
    name,
    id,
    score
from others
where not isfinite(score) or (name = 'findings.spread' and score < 0)
