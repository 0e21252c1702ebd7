-- A metric of an evaluation, over all of its samples (groups {}) or over the part that the groups name.
-- Key: evaluation_id, read_from, groups_json, metric
-- read_from: scores, text, or tracks: the scores of every face alone, by the truth of its video.
-- groups_json: The part, as names and values; {} for all samples.
-- metric: Its name.
-- value: Null where it is not defined.
-- low: Lower bound of its bootstrap interval; null without one.
-- high: Upper bound of it.
-- samples: Samples in the part.
-- scored: Of these, those with an answer.
with

readings as (
    select
        evaluation_id,
        dataset,
        variant,
        split,
        recipe_id,
        model_id,
        is_demonstration,
        created_at,
        unnest(from_json(report_json -> '$.readings', '["json"]')) as reading
    from evaluations
),

breakdowns as (
    select
        readings.*,
        unnest(from_json(reading -> '$.breakdowns', '["json"]')) as breakdown
    from readings
),

parts as (
    select
        * exclude (breakdown),
        unnest(from_json(breakdown -> '$.parts', '["json"]')) as part
    from breakdowns
),

of_parts as (
    select
        * exclude (part),
        part ->> '$.groups' as groups_json,
        (part ->> '$.samples')::bigint as samples,
        (part ->> '$.scored')::bigint as scored,
        unnest(json_keys(part, '$.metrics')) as metric,
        (part ->> ('$.metrics.' || metric))::double as value,
        null::double as low,
        null::double as high
    from parts
),

of_all as (
    select
        *,
        '{}' as groups_json,
        (reading ->> '$.coverage.expected')::bigint as samples,
        (reading ->> '$.coverage.scored')::bigint as scored,
        unnest(json_keys(reading, '$.metrics')) as metric,
        (reading ->> ('$.metrics.' || metric || '.value'))::double as value,
        (reading ->> ('$.metrics.' || metric || '.low'))::double as low,
        (reading ->> ('$.metrics.' || metric || '.high'))::double as high
    from readings
),

metrics as (
    select * from of_all
    union all by name
    select * from of_parts
)

select
    evaluation_id,
    dataset,
    variant,
    split,
    reading ->> '$.read_from' as read_from,
    groups_json,
    metric,
    value,
    low,
    high,
    samples,
    scored,
    recipe_id,
    model_id,
    is_demonstration,
    created_at
from metrics
