-- Sources that have no result, by where and how they failed; what succeeded later is not in it.
-- Key: recipe_id, stage, error
-- sources: How many.
-- retryable: Of these, those that the next scan tries again by itself.
-- quarantined: Of these, those in quarantine.
-- size_bytes: Of all of them together.
-- last_failed_at: When the last of them failed.
-- example_uri: One of them.
-- example_message: What was said of it.
-- error: Class name of the error.
-- stage: list, fetch, decode, detect, describe or commit.
select
    listings.recipe_id,
    listings.failure_stage as stage,
    listings.failure_error as error,
    count(*) as sources,
    count(*) filter (where not listings.is_settled) as retryable,
    count(*) filter (where listings.is_quarantined) as quarantined,
    sum(listings.size_bytes) as size_bytes,
    max(listings.failed_at) as last_failed_at,
    min(listings.uri) as example_uri,
    arg_min(listings.failure_message, listings.uri) as example_message,
    any_value(recipes.is_demonstration) as is_demonstration
from listings
left join recipes on recipes.recipe_id = listings.recipe_id
where listings.status = 'failed'
group by listings.recipe_id, listings.failure_stage, listings.failure_error
order by sources desc, stage, error
