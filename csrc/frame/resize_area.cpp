#include "frame/resize_area.hpp"

#include <algorithm>
#include <bit>
#include <optional>
#include <vector>

#include "frame/shrink_kernel.hpp"
#include "frame/shrink_plan.hpp"

namespace framering::frame {

namespace {

// A plan and the memory that its kernel needs.
class Resizer {
 public:
  Resizer(Shape from, Shape to, std::size_t channels, system::CpuPath path)
      : plan_(plan_shrink(from, to, channels)),
        path_(path),
        kernel_(shrink_kernel(plan_, path)),
        scratch_(shrink_scratch(plan_)),
        // As many as one target row needs; a power of two, so that a mask replaces a modulo.
        cached_rows_(std::bit_ceil(plan_.rows.max_taps)),
        sums_(cached_rows_ * kernel_.sums_count(plan_)),
        row_bytes_(plan_.rows.max_taps),
        row_sums_(plan_.rows.max_taps),
        last_row_(plan_.target_values() + ShrinkKernel::row_slack) {}

  [[nodiscard]] bool matches(Shape from, Shape to, std::size_t channels,
                             system::CpuPath path) const {
    return from == plan_.from && to == plan_.to && channels == plan_.channels && path == path_;
  }

  void run(const std::uint8_t* image, std::uint8_t* out) {
    const auto height = static_cast<std::size_t>(plan_.to.height);
    const std::size_t values = plan_.target_values();
    std::size_t summed = 0;
    for (std::size_t y = 0; y < height; ++y) {
      std::uint8_t* row = out + y * values;
      if ((height - 1 - y) * values >= ShrinkKernel::row_slack) {
        finish(image, y, summed, row);
      } else {  // the kernel would write past the end of `out`
        finish(image, y, summed, last_row_.data());
        std::copy_n(last_row_.data(), values, row);
      }
    }
  }

 private:
  // `summed` is the first source row whose columns have not been summed.
  void finish(const std::uint8_t* image, std::size_t y, std::size_t& summed, std::uint8_t* out) {
    const TapSpan& span = plan_.rows.spans[y];
    for (std::size_t i = 0; i < span.count; ++i) {
      const std::size_t row = span.source + i;
      row_bytes_[i] = image + row * plan_.source_values();
      if (kernel_.sum_columns == nullptr) {
        continue;
      }
      std::uint16_t* sums = sums_.data() + (row & (cached_rows_ - 1)) * kernel_.sums_count(plan_);
      if (row >= summed) {
        kernel_.sum_columns(plan_, row_bytes_[i], sums);
        summed = row + 1;
      }
      row_sums_[i] = sums;
    }
    kernel_.finish_row(plan_, y, row_bytes_.data(), row_sums_.data(), scratch_, out);
  }

  ShrinkPlan plan_;
  system::CpuPath path_;
  ShrinkKernel kernel_;
  ShrinkScratch scratch_;
  std::size_t cached_rows_;
  std::vector<std::uint16_t> sums_;
  std::vector<const std::uint8_t*> row_bytes_;
  std::vector<const std::uint16_t*> row_sums_;
  std::vector<std::uint8_t> last_row_;
};

}  // namespace

void resize_area(const std::uint8_t* image, Shape from, std::size_t channels, std::uint8_t* out,
                 Shape to, system::CpuPath path) {
  if (from == to) {
    std::copy_n(image, pixels(from) * channels, out);
    return;
  }
  // The plan of the last call is kept, because a thread mostly repeats its sizes.
  thread_local std::optional<Resizer> resizer;
  if (!resizer || !resizer->matches(from, to, channels, path)) {
    resizer.emplace(from, to, channels, path);
  }
  resizer->run(image, out);
}

}  // namespace framering::frame
