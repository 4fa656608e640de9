// The ring's protocol: one writer a lane, any number of readers, nobody waits.
//
// A lane has two monotonic counts. `published` is one more than the newest slot that is whole.
// `oldest` is the lowest slot of which everything is still there: its record, its frame, and the
// encoded frames that it is decoded from. A record of slot n lies in place n % slots. Encoded
// frames lie in the lane's arena, the word of position p at p % arena_words; a slot's record says
// at which position its frame ends, and from which one it is decoded.
//
//   writer of slot n                        reader
//   W1  oldest    := o        relaxed       R1  p := published          acquire
//   W2  fence                 release       R2  records and frames of    relaxed
//   W3  record and frame      relaxed           slots < p
//   W4  published := n + 1    release       R3  fence                   acquire
//   W5  pages before slot o's begin         R4  o := oldest             relaxed
//       are given back                      R5  whole, if lowest slot read >= o
//
// The writer chooses o before W1 so that nothing of the slots o … n − 1 is touched by W3 and W5:
// o > n − slots, so that their records stay, and the frame that W3 stores ends at most arena_words
// after the position from which slot o is decoded, so that their encoded frames stay. That position
// grows with the slot: what slot o needs, and all that lies after it, is all that the slots after o
// need. A slot's frame is decoded from a key frame of a slot that may be below o: its bytes are
// kept, though nobody can name that slot any more.
//
// Obligations, in the terms of the C++ memory model, and why they hold:
//
// 1. No data race. Counts and payload words are only touched through std::atomic_ref, with two
//    exceptions. The lane's own writer reads its own words plainly: it alone writes them. R2 may
//    load payload in assembly, which is no access of this model: payload_avx2.cpp says why
//    obligations 2 and 3 hold for it by the processor's.
//
// 2. A reader sees whole slots, not slots in the making. R1 reads a value p stored by W4, so W4
//    synchronises with R1, and every payload word of slots < p happens before R2. R2 therefore
//    reads those words, or later ones in their modification order: words of a later lap.
//
// 3. What was overwritten is noticed. Say R2 reads a word that W3 stored for slot n, n >= p, where
//    the reader took it for a word of slot s. Then the release fence W2 (before W3) synchronises
//    with the acquire fence R3 (after R2) [atomics.fences], so W1 happens before R4, and by read
//    coherence R4 reads the o of slot n or a later one. W3 touches nothing of slot o and those
//    after it, so s < o, and R5 refuses the batch. Conversely what passes R5 is whole. It is enough
//    to check the lowest slot read.
//
// 4. What was given back is noticed. The kernel takes a page away between W2 of some slot n and the
//    next access of any thread to it, which finds zeros in a new page. That is as if the writer had
//    stored zeros after W2: the system call comes after W1 and W2 in the writer's program, it is a
//    full barrier, and it ends only after every processor has dropped the page's translation. A
//    reader that loads such a zero has loaded it after that; so it sees W1, as in 3. Pages of a
//    mapping that processes share are taken from the file for all of them alike. Where the kernel
//    takes a page only when it needs memory (MADV_FREE), that comes later still.
//
// 5. Decoding is safe whatever it meets. Between R2 and R5 a reader may hold words of other slots,
//    half a frame, or zeros. It copies the words into memory of its own first, no more than the
//    longest walk can need and none beyond the arena; it checks every mask against the number of
//    words before it stores one; every encoded frame takes at least one word, so that a walk ends.
//
// 6. The writer never waits: it reads nothing that others write. Readers draw again.
//
// 7. A writer may die anywhere. Before W4 slot n is not published: nobody reads it as slot n, and
//    whatever it has overwritten is below the o of W1. A successor starts behind `published`, with
//    a new segment and an encoded frame that needs no other, and never lowers `oldest`. (The
//    successor's start must happen after the death, e.g. through waitpid and fork.)
//
// 8. Processes: std::atomic_ref<uint64_t> is lock-free, hence address-free, so that the argument
//    holds between mappings at different addresses.
//
// The order of the words is not checked by ThreadSanitizer, which models no stand-alone fences; the
// stress test checks it by the payload itself, and is shown to fail when a step is left out or done
// too early or too late.
#pragma once

#include <atomic>
#include <cstdint>

#include "ring/layout.hpp"

namespace framering::ring {

static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free);

// W1 and W2.
inline void begin_write(Counters& counters, std::uint64_t oldest) {
  std::atomic_ref(counters.oldest).store(oldest, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
}

// W4.
inline void end_write(Counters& counters, std::uint64_t slot) {
  std::atomic_ref(counters.published).store(slot + 1, std::memory_order_release);
}

// R1.
inline std::uint64_t published(Counters& counters) {
  return std::atomic_ref(counters.published).load(std::memory_order_acquire);
}

// The lowest slot that may be read now. It may be gone by the time that it is read: see validate.
inline std::uint64_t oldest(Counters& counters) {
  return std::atomic_ref(counters.oldest).load(std::memory_order_relaxed);
}

// R3 to R5: whether everything read since R1, from slots >= lowest, was whole.
inline bool validate(Counters& counters, std::uint64_t lowest) {
  std::atomic_thread_fence(std::memory_order_acquire);
  return oldest(counters) <= lowest;
}

}  // namespace framering::ring
