-- The labels of a question of which exactly one holds have probabilities that add up to one.
select
    clip_id,
    question,
    sum(score) as probability
from findings
where question in ('expression', 'deepfake') and unit = 'probability'
group by clip_id, question
having not sum(score) between 0.99 and 1.01
