"""What a change of the rules will do to the customers who are there, before it is made. Nothing is written.

`engine plan` runs it: `classify` says what kind of change each rule sees, `live` looks at customers of a store one by
one, `sample` chooses them, `estimate` tells how sure a sampled number is, and `expectations` checks what a reviewer
demands.
"""
