-- What failed was listed: else coverage would not count it.
select
    uri,
    recipe_id,
    stage,
    error,
    failed_at
from failures
anti join listings using (uri, recipe_id)
