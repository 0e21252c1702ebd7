-- What was found in a clip, a column per built-in question; findings has those of one's own. A label counts as present from a probability of one half.
-- Key: clip_id
-- expression: The label of the highest score.
-- expression_score: Its probability.
-- age_years: Expected age.
-- age_spread_years: Standard deviation of it.
-- action_units: Those present; empty when none is, null when it was not asked.
-- attributes: Those present; empty when none is, null when it was not asked.
-- deepfake_score: Probability of `fake`.
-- deepfake_log10_lr: Decimal logarithm of the likelihood ratio of fake to real; null without a card.
-- deepfake_verdict: fake, real or inconclusive, by the card; null without one.
with

found as (
    select
        clip_id,
        arg_max(label, score) filter (where question = 'expression') as expression,
        max(score) filter (where question = 'expression') as expression_score,
        any_value(score) filter (where question = 'age' and unit = 'years') as age_years,
        any_value(spread) filter (where question = 'age' and unit = 'years') as age_spread_years,
        list(label order by try_cast(substr(label, 3) as integer), label)
            filter (where question = 'action_units' and score >= 0.5) as action_units,
        count(*) filter (where question = 'action_units') as action_units_asked,
        list(label order by label) filter (where question = 'attributes' and score >= 0.5) as attributes,
        count(*) filter (where question = 'attributes') as attributes_asked,
        any_value(score) filter (where question = 'deepfake' and label = 'fake') as deepfake_score,
        any_value(log10_lr) filter (where question = 'deepfake' and label = 'fake') as deepfake_log10_lr,
        any_value(verdict) filter (where question = 'deepfake' and label = 'fake') as deepfake_verdict,
        any_value(model_id) as model_id
    from findings
    group by clip_id
)

select
    clips.clip_id,
    clips.track_id,
    clips.video_id,
    clips.recipe_id,
    clips.start_s,
    clips.end_s,
    clips.quality,
    found.expression,
    found.expression_score,
    found.age_years,
    found.age_spread_years,
    if(found.action_units_asked > 0, coalesce(found.action_units, []), null) as action_units,
    if(found.attributes_asked > 0, coalesce(found.attributes, []), null) as attributes,
    found.deepfake_score,
    found.deepfake_log10_lr,
    found.deepfake_verdict,
    coalesce(found.model_id, recipes.model_id) as model_id,
    recipes.is_demonstration,
    clips.evidence,
    clips.no_answer_reason
from clips
left join found on found.clip_id = clips.clip_id
left join recipes on recipes.recipe_id = clips.recipe_id
