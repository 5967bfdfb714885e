"""The simulated tier of `./nexa faults`: the real engine, relay and consumer on a real Postgres, on a clock that does not wait.

    loop     virtual time, and workers that can be frozen or ended between any two steps       dice     what goes wrong, drawn by saga
    points   the failpoints, around every call that leaves a worker                            line     those at begin and commit
    roads    the bus in memory            partner  partners with a book                        plan     the saga and its small domains
    worker   engine, consumer, relays     block    some hundred sagas at once                  check    what must hold of it then
    player   the process that plays blocks, on a cluster of its own                            tier     a whole run of them

What is not simulated: statements, locks and transactions are Postgres's own, and so is the order in which it answers. With the same
seed a saga meets the same faults of its partners, bus and people; which of two transactions comes first, and which worker does what, may
differ. What depends on that alone does not come again for certain.
"""
