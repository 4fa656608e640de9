// Preprocessing of two palette screens of an Atari emulator to one observation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "frame/preprocess_options.hpp"
#include "frame/row_pooling.hpp"
#include "frame/shrink_kernel.hpp"
#include "frame/shrink_plan.hpp"
#include "system/cpu_features.hpp"

namespace framering::frame {

// Each emulator has its own. It stores the screens and the output of the last call, and computes
// only the output rows that depend on a source row which has changed since: an output row is a
// function of its source rows, so source rows that are equal byte for byte give an equal output
// row.
class AtariPreprocessor {
 public:
  AtariPreprocessor(const PreprocessOptions& options, system::CpuPath path);

  // Writes options().output_bytes() bytes to `out`. `previous` may be null: then no maximum is
  // taken. Allocates nothing.
  void process(const std::uint8_t* last, const std::uint8_t* previous, std::uint8_t* out);

  [[nodiscard]] const PreprocessOptions& options() const { return options_; }

 private:
  // A pooled source row with its column sums, and the index of the buffer that holds it.
  struct CachedRow {
    std::size_t row = std::numeric_limits<std::size_t>::max();
    std::size_t buffer = 0;
  };

  [[nodiscard]] bool depends_on_changes(std::size_t y) const;
  void compute(std::size_t y);
  std::size_t fill_cache(std::size_t row);
  [[nodiscard]] CachedRow& cache_entry(std::size_t row) {
    return row_cache_[row & (row_cache_.size() - 1)];
  }
  void finish_plane(std::size_t y, std::size_t plane, std::uint8_t* out);

  [[nodiscard]] std::uint8_t* bytes(std::size_t buffer, std::size_t plane) {
    return row_bytes_.data() + (buffer * planes_ + plane) * width_;
  }
  [[nodiscard]] std::uint16_t* sums(std::size_t buffer, std::size_t plane) {
    return row_sums_.data() + (buffer * planes_ + plane) * sums_count_;
  }

  PreprocessOptions options_;
  PoolFormat format_;
  std::size_t planes_;
  std::size_t width_;
  const ColourTables& tables_;
  PoolingKernel pooling_;
  ShrinkPlan plan_;
  ShrinkKernel shrink_;
  ShrinkScratch scratch_;
  std::size_t sums_count_;

  // The last call. The screens are not valid before the first one.
  bool screens_valid_ = false;
  std::vector<std::uint8_t> stored_last_;
  std::vector<std::uint8_t> stored_previous_;
  std::vector<std::uint8_t> stored_output_;
  std::vector<std::uint8_t> row_flags_;  // see row_pooling.hpp

  // Row r is in entry r modulo the size, a power of two, or is not cached. Buffers are used in
  // turn. There are at least as many as an output row has source rows, so none is overwritten while
  // an output row still needs it.
  std::vector<CachedRow> row_cache_;
  std::size_t next_buffer_ = 0;
  std::vector<std::uint8_t> row_bytes_;
  std::vector<std::uint16_t> row_sums_;

  // Working memory of one output row.
  std::vector<std::size_t> buffers_;
  std::vector<const std::uint8_t*> source_bytes_;
  std::vector<const std::uint16_t*> source_sums_;
  std::vector<std::uint8_t> output_planes_;
};

}  // namespace framering::frame
