"""`./nexa faults`: sagas on real processes and stores while these are killed, paused, cut, wiped, and partners lose and mangle answers.

    people    bring disruptions, issue vouchers, accept and decline; remember what was acknowledged to them
    strikes   what goes wrong and when, drawn from the seed          partners  the same for the partners' answers
    stage     a site of the run's own, whose processes can be struck
    watch     what can be seen only while it happens: take-over, owners of claims, the way back to health
    evidence  the partners' books and every database, after all has settled
    invariants  what must hold of that evidence                      verdict   what is told, by this tier and the simulated one
    planted   known bugs as diffs                                    sabotage  puts them into a copy of the tree; each must be caught

A run is cut into parts, each with a site and a seed of its own, so that it can be stopped and gone on with.
"""
