/* The ring's protocol (csrc/ring/protocol.hpp) for one lane of encoded frames, checked exhaustively:
 * what a reader accepts is the slot's record, and all words that the slot is decoded from.
 *
 * A key frame takes one or two words of an arena and is decoded alone. A delta takes one, and is
 * decoded after the key frame right before it, so that its span begins there. No frame lies across
 * the arena's end. The word of position p holds p + 1, so that words of other laps show; zeros are what pages
 * hold that were given back. The writer drops slots whose place in the ring, or whose span, the next
 * frame takes. Whether a delta comes, and whether pages are given back now or later, is open.
 *
 * The record and the words of slot n reach memory in any order between W2 and W4. (That W1 of slot
 * n + 1 may overtake them is in ring.pml.) W5 is a system call, and a full barrier. The reader loads
 * the record first, because it says where the words are, then the words in any order.
 *
 * The writer may die between any two stores. Its successor starts from what is published.
 *
 * Mutations, each of which must make the assertion fail:
 *   NO_CHECK         the reader accepts whatever it has read (no R5)
 *   PUBLISH_EARLY    W4 may come before the record and the words
 *   CLAIM_LATE       W1 comes after the record and the words
 *   NO_FENCE         the record and the words may come before W1 (no W2)
 *   ONE_SHORT        R5 allows one slot too many
 *   GIVE_BACK_EARLY  pages are given back before W1 (W5 before W1)
 *   GIVE_BACK_LATER  pages are given back that words of the next lap lie in
 *   OWN_WORDS        what is dropped is decided by a slot's own words, not by its key frame's
 *   LOWERED          a successor forgets what its predecessor has claimed
 */
#define PLACES 3
#define WORDS 6            /* of the arena */
#define PAGE 2
#define LAST 6             /* slots written */
#define DEATHS 1
#define MOST_SPAN 3        /* a key frame and a delta */

byte oldest;
byte published;
byte given_back;           /* the writer's own, kept when it dies: positions before this one */
byte arena[WORDS];
byte record_slot[PLACES];  /* one more than the slot; the fields of a record are loaded at once */
byte record_begin[PLACES];
byte record_end[PLACES];
#ifdef OWN_WORDS
byte record_own[PLACES];   /* where the slot's own frame begins */
#endif

#if defined(NO_FENCE) || defined(CLAIM_LATE)
#define MAY_WRITE true
#else
#define MAY_WRITE claimed
#endif
#ifdef CLAIM_LATE
#define MAY_CLAIM (wrote_record && written == size)
#else
#define MAY_CLAIM true
#endif
#ifdef PUBLISH_EARLY
#define MAY_PUBLISH claimed
#else
#define MAY_PUBLISH (claimed && wrote_record && written == size)
#endif
#ifdef OWN_WORDS
#define NEEDED_FROM(slot) record_own[(slot) % PLACES]
#else
#define NEEDED_FROM(slot) record_begin[(slot) % PLACES]
#endif

/* Pages before what slot o needs, one at a time. */
inline give_back(o)
{
    if
    :: o < n -> last = record_begin[o % PLACES]
    :: else -> last = begin
    fi;
    last = last / PAGE * PAGE;
#ifndef GIVE_BACK_LATER
    if
    :: end > WORDS && given_back < (end - WORDS + PAGE - 1) / PAGE * PAGE ->
        given_back = (end - WORDS + PAGE - 1) / PAGE * PAGE
    :: else -> skip
    fi;
#endif
    do
    :: given_back + PAGE <= last ->
        atomic {
            arena[given_back % WORDS] = 0;
            arena[(given_back + 1) % WORDS] = 0;
            given_back = given_back + PAGE
        }
    :: else -> break
    od;
    last = 0
}

active proctype writer()
{
    byte n, o, position, begin, end, own, size, last, written;
    byte deaths;
    bool after_key, prepared, claimed, wrote_record, published_this;

    do
    :: n < LAST && !prepared ->
        own = position;
        if
        :: after_key && position % WORDS > 0 ->                    /* a delta that fits */
            d_step { size = 1; begin = record_begin[(n - 1) % PLACES]; after_key = false }
        :: true ->                                                  /* a key frame */
            if
            :: size = 1
            :: size = 2
            fi;
            d_step {
                if
                :: position % WORDS + size > WORDS ->
                    own = (position + WORDS - 1) / WORDS * WORDS
                :: else -> skip
                fi;
                begin = own;
                after_key = true
            }
        fi;
        d_step {
            end = own + size;
            o = oldest;
            if
            :: n >= PLACES && o < n + 1 - PLACES -> o = n + 1 - PLACES
            :: else -> skip
            fi;
            do
            :: o < n && end > NEEDED_FROM(o) + WORDS -> o++
            :: else -> break
            od;
            prepared = true
        }
#ifdef GIVE_BACK_EARLY
        if
        :: give_back(o)
        :: true -> skip
        fi
#endif
    :: prepared && !claimed && MAY_CLAIM ->
        atomic { oldest = o; claimed = true }                       /* W1, W2 */
    :: prepared && !wrote_record && MAY_WRITE ->                    /* W3 */
        atomic {
            record_slot[n % PLACES] = n + 1;
            record_begin[n % PLACES] = begin;
            record_end[n % PLACES] = end;
#ifdef OWN_WORDS
            record_own[n % PLACES] = own;
#endif
            wrote_record = true
        }
    :: prepared && written < size && MAY_WRITE ->
        atomic { arena[(own + written) % WORDS] = own + written + 1; written++ }
    :: prepared && !published_this && MAY_PUBLISH ->
        atomic { published = n + 1; published_this = true }         /* W4 */
    :: published_this && claimed && wrote_record && written == size ->
#ifndef GIVE_BACK_EARLY
        if
        :: give_back(o)                                             /* W5 */
        :: true -> skip
        fi;
#endif
        d_step {
            n++;
            position = end;
            prepared = false; claimed = false; wrote_record = false;
            published_this = false; written = 0; own = 0; begin = 0; end = 0; o = 0; size = 0
        }
    :: deaths < DEATHS && n < LAST && prepared ->
        d_step {
            deaths++;
            n = published;
            if
            :: n > 0 -> position = record_end[(n - 1) % PLACES]
            :: else -> position = 0
            fi;
#ifdef LOWERED
            oldest = 0;
#endif
            after_key = false;                       /* the next frame needs no other */
            prepared = false; claimed = false; wrote_record = false;
            published_this = false; written = 0; own = 0; begin = 0; end = 0; o = 0; size = 0
        }
    :: n >= LAST -> break
    od
}

/* Reads any slot that was published and may still be there. */
active proctype reader()
{
    byte slot, begin, end, i;
    byte got;                /* a bit for each word that was loaded */
    bool wrong;

    do
    :: atomic { published > 0 -> slot = published - 1 };                     /* R1 */
        do
        :: slot > 0 && slot > oldest -> slot--         /* not the newest one */
        :: break
        od;
        atomic {                                                             /* R2 */
            wrong = record_slot[slot % PLACES] != slot + 1;
            begin = record_begin[slot % PLACES];
            end = record_end[slot % PLACES]
        };
        if
        :: end <= begin || end - begin > MOST_SPAN -> wrong = true; end = begin
        :: else -> skip
        fi;
        do
        :: begin + 0 < end && (got & 1) == 0 ->
            atomic { wrong = wrong || arena[(begin + 0) % WORDS] != begin + 1; got = got | 1 }
        :: begin + 1 < end && (got & 2) == 0 ->
            atomic { wrong = wrong || arena[(begin + 1) % WORDS] != begin + 2; got = got | 2 }
        :: begin + 2 < end && (got & 4) == 0 ->
            atomic { wrong = wrong || arena[(begin + 2) % WORDS] != begin + 3; got = got | 4 }
        :: got == (1 << (end - begin)) - 1 -> break
        od;
        atomic {
            i = oldest;                                                      /* R4 */
            if
#if defined(NO_CHECK)
            :: true ->
#elif defined(ONE_SHORT)
            :: i <= slot + 1 ->
#else
            :: i <= slot ->                                                  /* R5 */
#endif
                assert(!wrong)
            :: else -> skip
            fi;
            slot = 0; begin = 0; end = 0; i = 0; got = 0; wrong = false
        }
    :: published == LAST -> break
    od
}
