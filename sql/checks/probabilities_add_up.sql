-- The labels of a question of which exactly one holds have probabilities that add up to one.
select
    findings.clip_id,
    findings.question,
    sum(findings.score) as probability
from findings
inner join questions using (recipe_id, question)
where questions.kind = 'single_label'
group by findings.clip_id, findings.question
having not sum(findings.score) between 0.99 and 1.01
