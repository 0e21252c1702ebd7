-- A model measured on a dataset.
-- Key: evaluation_id
select
    evaluations.evaluation_id,
    evaluations.dataset,
    evaluations.variant,
    evaluations.split,
    evaluations.recipe_id,
    evaluations.model_id,
    evaluations.is_demonstration,
    evaluations.expected,
    evaluations.scored,
    evaluations.no_face,
    evaluations.refused,
    evaluations.unparsable,
    evaluations.failed,
    evaluations.report_json,
    evaluations.created_at
from raw.evaluations
qualify row_number() over (partition by evaluation_id order by created_at) = 1
