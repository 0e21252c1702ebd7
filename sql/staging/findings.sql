-- The score of one label of one question about one clip; with a calibration card, what it is worth as evidence.
-- Key: clip_id, question, label
-- label: Name of the label, e.g. `happiness`, `AU12`, `fake`.
-- log10_lr: Decimal logarithm of the likelihood ratio of the label to the other one; null without a card.
-- verdict: The label, the other label or `inconclusive`, by the card's bounds; null without a card.
with

cards as (
    select
        *,
        from_json(card_json, '{"knots": [["double"]]}').knots as knots
    from calibrations
    where is_current
),

lines as (
    select
        *,
        list_transform(knots, lambda knot: knot[1]) as odds,
        list_transform(knots, lambda knot: knot[2]) as ratios
    from cards
),

placed as (
    select
        findings.*,
        lines.calibration_id,
        lines.other_label,
        lines.label_from_log10_lr,
        lines.other_to_log10_lr,
        lines.odds,
        lines.ratios,
        -- a score of 0 or 1 is one that was rounded
        case
            when lines.calibration_id is null then null
            when findings.score <= 1e-13 then -13.0
            when findings.score >= 1 - 1e-13 then 13.0
            else log10(findings.score / (1 - findings.score))
        end as log10_odds,
        len(list_filter(lines.odds, lambda odds: odds <= log10_odds)) as below
    from raw.findings
    semi join videos using (video_id, recipe_id, attempt_id)
    left join lines
        on lines.recipe_id = findings.recipe_id
        and lines.question = findings.question
        and lines.label = findings.label
),

calibrated as (
    select
        *,
        -- straight between the card's knots, level beyond them
        case
            when below = 0 then ratios[1]
            when below = len(odds) then ratios[below]
            else ratios[below] + (ratios[below + 1] - ratios[below])
                * (log10_odds - odds[below]) / (odds[below + 1] - odds[below])
        end as log10_lr
    from placed
)

select
    calibrated.clip_id,
    calibrated.track_id,
    calibrated.video_id,
    calibrated.recipe_id,
    calibrated.attempt_id,
    calibrated.question,
    calibrated.label,
    calibrated.score,
    calibrated.unit,
    calibrated.spread,
    calibrated.log_prob,
    calibrated.prior_log_prob,
    calibrated.log10_lr,
    case
        when calibrated.log10_lr >= calibrated.label_from_log10_lr then calibrated.label
        when calibrated.log10_lr <= calibrated.other_to_log10_lr then calibrated.other_label
        when calibrated.log10_lr is not null then 'inconclusive'
    end as verdict,
    calibrated.calibration_id,
    calibrated.model_id,
    recipes.is_demonstration
from calibrated
left join recipes on recipes.recipe_id = calibrated.recipe_id
