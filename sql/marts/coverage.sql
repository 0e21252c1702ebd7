-- What became of all that was listed under a recipe; every object has one status, so the counts add up.
-- Key: recipe_id
-- listed: Objects that were listed, counted before any view.
-- done: Videos with faces, read and described.
-- no_face: Videos without a face.
-- failed: Objects without a result, and with a failure.
-- duplicate: Objects with the content of another one, which has the result.
-- skipped: Objects that are no video, cannot be read where they are, or were erased on demand.
-- pending: Objects that nobody has read yet.
-- adds_up: True when the six before it sum up to listed.
-- partial: Of done and no_face, those of which a part could not be read.
-- clips: Clips under this recipe.
-- clips_unanswered: Of these, those without the model's answers.
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
