-- A recipe, whole; its first row counts.
-- Key: recipe_id
select
    recipe_id,
    model_id,
    is_demonstration,
    recipe_json,
    created_at
from raw.recipes
qualify row_number() over (partition by recipe_id order by created_at) = 1
