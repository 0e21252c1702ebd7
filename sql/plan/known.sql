-- What the lake knows of an object under one recipe.
-- Key: uri
select
    uri,
    size_bytes,
    etag,
    status,
    reason,
    is_settled,
    failure_stage,
    failure_error,
    failure_message,
    failure_attempt,
    failed_at
from listings
where recipe_id = $recipe_id
