#include "frame/atari_preprocessor.hpp"

#include <algorithm>
#include <bit>

namespace framering::frame {

namespace {

void interleave(const std::uint8_t* planes, std::size_t stride, std::size_t width,
                std::uint8_t* out) {
  for (std::size_t i = 0; i < width; ++i) {
    out[3 * i] = planes[i];
    out[3 * i + 1] = planes[stride + i];
    out[3 * i + 2] = planes[2 * stride + i];
  }
}

}  // namespace

AtariPreprocessor::AtariPreprocessor(const PreprocessOptions& options, system::CpuPath path)
    : options_(options),
      format_(pool_format(options)),
      planes_(plane_count(format_)),
      width_(static_cast<std::size_t>(options.screen.width)),
      tables_(colour_tables(options.palette)),
      pooling_(pooling_kernel(width_, path)),
      plan_(plan_shrink(options.screen, options.output, 1)),
      shrink_(shrink_kernel(plan_, path)),
      scratch_(shrink_scratch(plan_)),
      sums_count_(shrink_.sums_count(plan_)),
      stored_last_(pixels(options.screen)),
      stored_previous_(pixels(options.screen)),
      stored_output_(options.output_bytes() + ShrinkKernel::row_slack),
      row_flags_(static_cast<std::size_t>(options.screen.height)),
      row_cache_(std::bit_ceil(plan_.rows.max_taps)),
      row_bytes_(row_cache_.size() * planes_ * width_),
      row_sums_(row_cache_.size() * planes_ * sums_count_),
      buffers_(plan_.rows.max_taps),
      source_bytes_(plan_.rows.max_taps),
      source_sums_(plan_.rows.max_taps),
      output_planes_(planes_ * plan_.target_values() + ShrinkKernel::row_slack) {}

void AtariPreprocessor::process(const std::uint8_t* last, const std::uint8_t* previous,
                                std::uint8_t* out) {
  // The maximum of a screen with itself is the screen, in every order.
  pooling_.update_screens(last, previous == nullptr ? last : previous, row_flags_.size(), width_,
                          {.last = stored_last_.data(),
                           .previous = stored_previous_.data(),
                           .row_flags = row_flags_.data()},
                          !screens_valid_);
  screens_valid_ = true;
  std::ranges::fill(row_cache_, CachedRow{});
  for (std::size_t y = 0; y < plan_.rows.spans.size(); ++y) {
    if (depends_on_changes(y)) {
      compute(y);
    }
  }
  std::copy_n(stored_output_.data(), options_.output_bytes(), out);
}

bool AtariPreprocessor::depends_on_changes(std::size_t y) const {
  const TapSpan& span = plan_.rows.spans[y];
  const std::uint8_t* flags = row_flags_.data() + span.source;
  unsigned any = 0;
  for (std::size_t i = 0; i < span.count; ++i) {
    any |= flags[i];
  }
  return (any & row_changed) != 0;
}

void AtariPreprocessor::compute(std::size_t y) {
  const TapSpan& span = plan_.rows.spans[y];
  for (std::size_t i = 0; i < span.count; ++i) {
    const std::size_t row = span.source + i;
    const CachedRow& entry = cache_entry(row);
    buffers_[i] = entry.row == row ? entry.buffer : fill_cache(row);
  }
  const std::size_t values = plan_.target_values();
  if (planes_ == 1) {
    finish_plane(y, 0, stored_output_.data() + y * values);
    return;
  }
  for (std::size_t plane = 0; plane < planes_; ++plane) {
    finish_plane(y, plane, output_planes_.data() + plane * values);
  }
  if (options_.grayscale) {
    pooling_.luma_of_planes(output_planes_.data(), values, values,
                            stored_output_.data() + y * values);
  } else {
    interleave(output_planes_.data(), values, values, stored_output_.data() + y * values * 3);
  }
}

void AtariPreprocessor::finish_plane(std::size_t y, std::size_t plane, std::uint8_t* out) {
  for (std::size_t i = 0; i < plan_.rows.spans[y].count; ++i) {
    source_bytes_[i] = bytes(buffers_[i], plane);
    source_sums_[i] = sums(buffers_[i], plane);
  }
  shrink_.finish_row(plan_, y, source_bytes_.data(), source_sums_.data(), scratch_, out);
}

std::size_t AtariPreprocessor::fill_cache(std::size_t row) {
  CachedRow& entry = cache_entry(row);
  entry.row = row;
  if ((row_flags_[row] & row_repeats_above) != 0 && cache_entry(row - 1).row == row - 1) {
    entry.buffer = cache_entry(row - 1).buffer;
    return entry.buffer;
  }
  entry.buffer = next_buffer_;
  next_buffer_ = (next_buffer_ + 1) & (row_cache_.size() - 1);
  const bool equal_in_both = (row_flags_[row] & row_equal_in_both) != 0;
  pooling_.pool_row(tables_, format_, stored_last_.data() + row * width_,
                    equal_in_both ? nullptr : stored_previous_.data() + row * width_, width_,
                    bytes(entry.buffer, 0), width_);
  if (shrink_.sum_columns != nullptr) {
    for (std::size_t plane = 0; plane < planes_; ++plane) {
      shrink_.sum_columns(plan_, bytes(entry.buffer, plane), sums(entry.buffer, plane));
    }
  }
  return entry.buffer;
}

}  // namespace framering::frame
