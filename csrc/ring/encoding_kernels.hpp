// The inner loops of encoding and decoding, one set for each code path.
#pragma once

#include <cstddef>
#include <cstdint>

namespace framering::ring {

// The kernels read and write vectors of up to 64 bytes, also where a frame, a row or the packed
// words end within one: this many bytes more than a whole group or row.
inline constexpr std::size_t kKernelRoom = 64;

// Which words of a frame an encoded one names: its masks, checked against its number of words.
struct NamedWords {
  const std::uint64_t* group_masks;  // the header first
  std::size_t further_masks;
  const std::uint64_t* word_masks;
};

struct EncodingKernels {
  // A mask for each of `groups` groups: its words that differ.
  void (*differing)(const std::uint8_t* a, const std::uint8_t* b, std::size_t groups,
                    std::uint64_t* masks);

  // Copies the named words of a frame, one behind the other. Writes up to kKernelRoom bytes behind
  // the last one.
  void (*pack)(const NamedWords& named, const std::uint8_t* frame, std::uint64_t* words);

  // Copies rows of `row_bytes` so that each begins with a word, the rest of its last one filled up
  // with zeros. Reads up to kKernelRoom bytes behind the frame, and writes as many behind the rows.
  void (*align_rows)(const std::uint8_t* frame, std::size_t rows, std::size_t row_bytes,
                     std::uint8_t* aligned);

  // The number of bits that are set in `number` masks.
  std::size_t (*count_bits)(const std::uint64_t* masks, std::size_t number);

  // Copies words into the frame, each to where the named one is. Up to kReadBeyond further words
  // are read.
  void (*unpack)(const NamedWords& named, const std::uint64_t* words, std::uint8_t* frame);

  // Decodes rows of `row_bytes`, given a mask for each group of words_by_row() and one more.
  // `row` has zeros at first, and room for a row in whole vectors.
  void (*decode_key)(const std::uint64_t* masks, const std::uint64_t* words, std::size_t rows,
                     std::size_t row_bytes, std::uint8_t* row, std::uint8_t* frame);
};

// Those of this process's code path.
const EncodingKernels& encoding_kernels();

extern const EncodingKernels kPortableEncoding;
#if FRAMERING_X86_KERNELS
extern const EncodingKernels kAvx2Encoding;
extern const EncodingKernels kAvx512Encoding;
#endif

}  // namespace framering::ring
