// Attributes of functions that use AVX2, in files named *_avx2.cpp. Files named
// *_avx512.cpp have attributes of their own, for the same reason.
//
// Such a file is compiled for the baseline like every other; only the functions with these
// attributes may contain AVX2 instructions. With -mavx2 for a whole file, inline functions of
// shared headers would be compiled with AVX2 there, the linker might keep that copy for all
// callers, and a processor without AVX2 would fail in portable code.
#pragma once

#define FRAMERING_AVX2 __attribute__((target("avx2")))
#define FRAMERING_AVX2_INLINE __attribute__((target("avx2"), always_inline)) inline
