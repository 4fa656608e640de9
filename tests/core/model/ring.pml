/* The ring's protocol (csrc/ring/protocol.hpp) for one lane of two places with two payload words
 * each, checked exhaustively: no batch that a reader accepts holds a word of another slot. (Frames
 * that are encoded are in arena.pml.)
 *
 * The writer's stores reach memory in every order that its fences allow. Slot n has the stores
 * W1 (oldest), two words of W3, and W4 (published). The release fence W2 puts W1, and all that
 * came before it, ahead of the words; the release store W4 comes after all of them. But W1 of slot
 * n + 1 is a relaxed store with no fence before it: it may overtake the words of slot n and its W4.
 * The reader's loads of the words come in every order, after R1 and before the fence R3.
 *
 * The writer may die between any two stores. Its successor starts from what is published. (The
 * model lets even stores that were issued before one that arrived be lost: more than a machine
 * does.)
 *
 * Mutations, each of which must make an assertion fail:
 *   NO_CHECK       the reader accepts whatever it has read (no R5)
 *   PUBLISH_EARLY  W4 may come before the words
 *   CLAIM_LATE     W1 comes after the words
 *   NO_FENCE       the words may come before W1 (no W2)
 *   ONE_SHORT      R5 allows one slot too many
 */
#define PLACES 2
#define LAST 6           /* slots written, three laps */
#define DEATHS 1
#define WORD(slot) ((slot) + 1)
#define OLDEST(slot) ((slot) < PLACES -> 0 : (slot) + 1 - PLACES)   /* once the slot is written */

byte oldest;             /* the lowest slot that no store has touched */
byte published;          /* one more than the newest slot that is whole */
byte low[PLACES];        /* the two payload words of each place */
byte high[PLACES];

#if defined(NO_FENCE) || defined(CLAIM_LATE)
#define MAY_WRITE true
#else
#define MAY_WRITE claimed_this
#endif
#ifdef CLAIM_LATE
#define MAY_CLAIM (wrote_low && wrote_high)
#else
#define MAY_CLAIM true
#endif
#ifdef PUBLISH_EARLY
#define MAY_PUBLISH claimed_this
#else
#define MAY_PUBLISH (claimed_this && wrote_low && wrote_high)
#endif

/* A successor never lowers what its predecessor has claimed. */
inline raise(o)
{
    oldest = (o > oldest -> o : oldest)
}

active proctype writer()
{
    byte n = 0;
    byte deaths = 0;
    bool claimed_this = false, wrote_low = false, wrote_high = false;
    bool published_this = false, claimed_next = false;

    do
    :: n < LAST && !claimed_this && MAY_CLAIM ->
        atomic { raise(OLDEST(n)); claimed_this = true }
    :: n < LAST && !wrote_low && MAY_WRITE ->
        atomic { low[n % PLACES] = WORD(n); wrote_low = true }
    :: n < LAST && !wrote_high && MAY_WRITE ->
        atomic { high[n % PLACES] = WORD(n); wrote_high = true }
    :: n < LAST && !published_this && MAY_PUBLISH ->
        atomic { published = n + 1; published_this = true }
#ifndef CLAIM_LATE
    :: n + 1 < LAST && claimed_this && !claimed_next ->
        atomic { raise(OLDEST(n + 1)); claimed_next = true }
#endif
    :: published_this && wrote_low && wrote_high && claimed_this ->
        atomic {
            n++;
            claimed_this = claimed_next;
            wrote_low = false; wrote_high = false;
            published_this = false; claimed_next = false
        }
    :: deaths < DEATHS && n < LAST ->
        atomic {
            deaths++;
            n = published;
            claimed_this = false; wrote_low = false; wrote_high = false;
            published_this = false; claimed_next = false
        }
    :: n >= LAST -> break
    od
}

/* Reads a stack of two slots, the newest of them any that was published and may still be there. */
active proctype reader()
{
    byte newest, lowest, i;
    byte low_0, high_0, low_1, high_1;
    bool got_low_0, got_high_0, got_low_1, got_high_1;

    do
    :: atomic {
            newest = published;                                              /* R1 */
            got_low_0 = false; got_high_0 = false; got_low_1 = false; got_high_1 = false
        }
        if
        :: newest < 2 -> skip
        :: newest >= 2 ->
            newest = newest - 1;
            if
            :: newest > 1 -> newest = newest - 1       /* not the newest one */
            :: true -> skip
            fi;
            lowest = newest - 1;
            do                                                               /* R2 */
            :: !got_low_0 -> atomic { low_0 = low[lowest % PLACES]; got_low_0 = true }
            :: !got_high_0 -> atomic { high_0 = high[lowest % PLACES]; got_high_0 = true }
            :: !got_low_1 -> atomic { low_1 = low[newest % PLACES]; got_low_1 = true }
            :: !got_high_1 -> atomic { high_1 = high[newest % PLACES]; got_high_1 = true }
            :: got_low_0 && got_high_0 && got_low_1 && got_high_1 -> break
            od;
            atomic {
                i = oldest;                                                  /* R4 */
                if
#if defined(NO_CHECK)
                :: true ->
#elif defined(ONE_SHORT)
                :: i <= lowest + 1 ->
#else
                :: i <= lowest ->                                            /* R5 */
#endif
                    assert(low_0 == WORD(lowest));
                    assert(high_0 == WORD(lowest));
                    assert(low_1 == WORD(newest));
                    assert(high_1 == WORD(newest))
                :: else -> skip
                fi
            }
        fi;
        newest = 0; lowest = 0; i = 0;
        low_0 = 0; high_0 = 0; low_1 = 0; high_1 = 0
    :: published == LAST -> break
    od
}
