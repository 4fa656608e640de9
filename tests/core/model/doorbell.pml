/* The doorbell (csrc/system/doorbell.hpp): no ring is lost, whatever the interleaving, so that a
 * waiter never sleeps for good. The kernel compares and queues in one step, under its lock.
 *
 * Mutations, each of which must end in a state where the waiter sleeps for ever:
 *   LOOK_FIRST   the ringer looks at asleep before it counts (R3 before R2)
 *   SLEEP_BLIND  the waiter sleeps without comparing the count (no comparison in W3)
 *   NO_FLAG      the waiter does not say that it sleeps (no W2)
 */
#define RINGS 3

byte count;
bool asleep;
bool queued;      /* the waiter is in the kernel */

active proctype ringer()
{
    byte rung = 0;
    bool must_wake;

    do
    :: rung < RINGS ->
#ifdef LOOK_FIRST
        must_wake = asleep;
        count++;
#else
        count++;                        /* R2 */
        must_wake = asleep;             /* R3 */
#endif
        if
        :: must_wake -> queued = false  /* R4 */
        :: else -> skip
        fi;
        rung++
    :: rung == RINGS -> break
    od
}

active proctype waiter()
{
    byte seen = 0;

    do
    :: seen == RINGS -> break
    :: seen < RINGS ->
        if
        :: count != seen -> seen = count            /* W1 */
        :: count == seen ->
#ifndef NO_FLAG
            asleep = true;                          /* W2 */
#endif
#ifdef SLEEP_BLIND
            queued = true;
            !queued;
#else
            atomic {                                /* W3 */
                if
                :: count == seen -> queued = true
                :: else -> skip
                fi
            };
            !queued;
#endif
            asleep = false                          /* W4 */
        fi
    od
}
