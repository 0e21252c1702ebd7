-- What became of all that was listed under a recipe; every object has one status, so the counts add up.
-- Key: recipe_id
with

listed as (
    -- counted from the raw table, so that a view that loses an object is found out
    select
        recipe_id,
        count(distinct uri) as listed
    from raw.sources
    group by recipe_id
),

counted as (
    select
        recipe_id,
        count(*) filter (where status = 'done') as done,
        count(*) filter (where status = 'no_face') as no_face,
        count(*) filter (where status = 'failed') as failed,
        count(*) filter (where status = 'duplicate') as duplicate,
        count(*) filter (where status = 'skipped') as skipped,
        count(*) filter (where status = 'pending') as pending,
        count(*) filter (where starts_with(reason, 'partial: ') and status in ('done', 'no_face')) as partial
    from listings
    group by recipe_id
),

described as (
    select
        recipe_id,
        count(*) as clips,
        count(no_answer_reason) as clips_unanswered
    from clips
    group by recipe_id
)

select
    listed.recipe_id,
    recipes.model_id,
    recipes.is_demonstration,
    listed.listed,
    counted.done,
    counted.no_face,
    counted.failed,
    counted.duplicate,
    counted.skipped,
    counted.pending,
    coalesce(
        listed.listed = counted.done + counted.no_face + counted.failed + counted.duplicate
        + counted.skipped + counted.pending,
        false
    ) as adds_up,
    counted.partial,
    coalesce(described.clips, 0) as clips,
    coalesce(described.clips_unanswered, 0) as clips_unanswered
from listed
left join counted on counted.recipe_id = listed.recipe_id
left join described on described.recipe_id = listed.recipe_id
left join recipes on recipes.recipe_id = listed.recipe_id
