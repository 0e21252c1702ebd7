-- A calibration card that was applied to the scores of a recipe; of a label's, the newest is current.
-- Key: recipe_id, calibration_id
-- is_current: True for the card whose ratios `findings` shows: the newest of its label.
with

applied as (
    select *
    from raw.calibrations
    qualify row_number() over (partition by recipe_id, calibration_id order by applied_at desc) = 1
)

select
    recipe_id,
    calibration_id,
    question,
    label,
    other_label,
    label_from_log10_lr,
    other_to_log10_lr,
    model_id,
    card_json,
    applied_at,
    row_number() over (
        partition by recipe_id, question, label
        order by applied_at desc, calibration_id
    ) = 1 as is_current
from applied
