// Two palette screens of an Atari emulator in, one observation out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "frame/colouring.hpp"
#include "frame/preprocess_options.hpp"
#include "frame/shrink_kernel.hpp"
#include "frame/shrink_plan.hpp"
#include "system/cpu_features.hpp"

namespace framering::frame {

// One for each emulator. It keeps the screens and the output of its last call, and works out anew
// only the output rows that depend on a row that has changed since: an output row is a function of
// its source rows, so equal source rows, byte for byte, give equal output rows.
class AtariPreprocessor {
 public:
  AtariPreprocessor(const PreprocessOptions& options, system::CpuPath path);

  // Writes options().output_bytes() bytes at `out`. `previous` may be null: a single screen, no
  // maximum. Allocates nothing.
  void process(const std::uint8_t* last, const std::uint8_t* previous, std::uint8_t* out);

  // Forgets the last call. It never changes a result.
  void reset() { remembers_ = false; }

  [[nodiscard]] const PreprocessOptions& options() const { return options_; }

 private:
  // A source row, coloured and with its columns summed, in the buffer of that number.
  struct ReadyRow {
    std::size_t row = std::numeric_limits<std::size_t>::max();
    std::size_t buffer = 0;
  };

  [[nodiscard]] bool depends_on_changes(std::size_t y) const;
  void compute(std::size_t y);
  std::size_t make_ready(std::size_t row);
  [[nodiscard]] ReadyRow& place(std::size_t row) { return ready_[row & (ready_.size() - 1)]; }
  void finish_plane(std::size_t y, std::size_t plane, std::uint8_t* out);

  [[nodiscard]] std::uint8_t* bytes(std::size_t buffer, std::size_t plane) {
    return row_bytes_.data() + (buffer * planes_ + plane) * width_;
  }
  [[nodiscard]] std::uint16_t* sums(std::size_t buffer, std::size_t plane) {
    return row_sums_.data() + (buffer * planes_ + plane) * sums_count_;
  }

  PreprocessOptions options_;
  Colouring colouring_;
  std::size_t planes_;
  std::size_t width_;
  const ColourTables& tables_;
  ColouringKernel colour_;
  ShrinkPlan plan_;
  ShrinkKernel shrink_;
  ShrinkScratch scratch_;
  std::size_t sums_count_;

  bool remembers_ = false;
  std::vector<std::uint8_t> kept_last_;
  std::vector<std::uint8_t> kept_previous_;
  std::vector<std::uint8_t> kept_output_;
  std::vector<std::uint8_t> states_;  // of the kept rows; see colouring.hpp

  // Row r is at ready_[r modulo its size, a power of two] or nowhere. Buffers are taken in turns;
  // there are as many as an output row has source rows, so none is taken again while an output row
  // still needs it.
  std::vector<ReadyRow> ready_;
  std::size_t next_buffer_ = 0;
  std::vector<std::uint8_t> row_bytes_;
  std::vector<std::uint16_t> row_sums_;

  // The source rows of one output row.
  std::vector<std::size_t> buffers_;
  std::vector<const std::uint8_t*> source_bytes_;
  std::vector<const std::uint16_t*> source_sums_;
  std::vector<std::uint8_t> output_planes_;
};

}  // namespace framering::frame
